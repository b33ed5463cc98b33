"""The dataflows that ``python -m bytewax.run`` runs; see ``bytewax_run.py``.

Operators as bytewax's API documentation shows them: ``count_final``, and the running count of ``stateful_map``.
"""

import os
from pathlib import Path

import bytewax.operators as op
from _events import is_milestone, kind_of
from bytewax.connectors.files import DirSink, DirSource
from bytewax.dataflow import Dataflow

SOURCE = Path(os.environ["SOURCE"])
OUT = Path(os.environ["OUT"])
WORKERS = int(os.environ["WORKERS"])


def count() -> Dataflow:
    flow = Dataflow("count")
    lines = op.input("lines", flow, DirSource(SOURCE))
    kinds = op.map("kind", lines, kind_of)
    _write(op.count_final("count", kinds, lambda kind: kind))
    return flow


def running() -> Dataflow:
    flow = Dataflow("running")
    keys = op.key_on("key", op.input("keys", flow, DirSource(SOURCE)), lambda key: key)
    counts = op.stateful_map("running_count", keys, _counted)
    _write(op.filter("milestones", counts, lambda counted: is_milestone(counted[1])))
    return flow


def _counted(count: int | None, _key: str) -> tuple[int, int]:
    reached = 1 if count is None else count + 1
    return reached, reached


def _write(counts: op.KeyedStream[int]) -> None:
    rows = op.map("row", counts, lambda counted: (counted[0], f"{counted[0]},{counted[1]}"))
    op.output("out", rows, DirSink(OUT, WORKERS, lambda index, _: f"counts-{index}.csv"))
