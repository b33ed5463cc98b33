"""Rows of three fields from one process to another: this engine's exchange against pickle 5 over a Pipe.

Read CPU seconds, not throughput: with two cores the clock shows the slower end only. All make the records in the sender
and add up a field in the receiver; ``making`` is that alone.
"""

import multiprocessing
import pickle
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sage_local.bench.compete import compete
from sage_local.bench.workload import Figure, Workload, expect, floor, sage
from sage_local.bench.workloads.partial_sums import PartialSums, total
from sage_local.functions import SourceFunction, SplitReader

FRAME = 4096
Record = dict[str, Any]


def make_records(start: int, stop: int) -> list[Record]:
    """Some of the records."""
    return [{"id": x, "name": "sensor", "value": x * 0.5} for x in range(start, stop)]


def check(folder: Path, records: int, found: list[int]) -> None:
    """Every record once."""
    expect("records, and the sum of their ids", [records, records * (records - 1) // 2], found)


class Ids(PartialSums):
    """Number of records and sum of ids."""

    def write(self, record: Record) -> None:
        """One record."""
        self.sums[0] += 1
        self.sums[1] += record["id"]


def making(folder: Path, records: int) -> list[int]:
    """Both ends in one process."""
    ids = Ids("", 2)
    for start in range(0, records, FRAME):
        for record in make_records(start, min(start + FRAME, records)):
            ids.write(record)
    return ids.sums


def pipe(folder: Path, records: int) -> list[int]:
    """As one would write it by hand."""
    context = multiprocessing.get_context("fork")
    receiver, sender = context.Pipe(duplex=False)
    producer = context.Process(target=_produce, args=(sender, records))
    producer.start()
    sender.close()
    ids = Ids("", 2)
    while frame := receiver.recv_bytes():
        for record in pickle.loads(frame):
            ids.write(record)
    producer.join()
    return ids.sums


def _produce(sender: Any, records: int) -> None:
    for start in range(0, records, FRAME):
        sender.send_bytes(pickle.dumps(make_records(start, min(start + FRAME, records)), 5))
    sender.send_bytes(b"")


@dataclass(frozen=True)
class Part:
    """All records."""

    size: int


class Records(SourceFunction[Record]):
    """Makes them in the worker."""

    def __init__(self, records: int) -> None:
        self.records = records

    def splits(self) -> Sequence[Part]:
        """One."""
        return [Part(self.records)]

    def open_split(self, split: Part, position: int | None = None) -> "Reader":
        """Begins at ``position``."""
        return Reader(split.size, position or 0)


class Reader(SplitReader[Record]):
    """As many as it is asked for."""

    def __init__(self, size: int, at: int) -> None:
        self.size = size
        self.at = at

    def poll(self, max_records: int, /) -> list[Record] | None:
        """The next records."""
        if self.at >= self.size:
            return None
        start, self.at = self.at, min(self.at + max_records, self.size)
        return make_records(start, self.at)

    def snapshot(self) -> int:
        """How many were made."""
        return self.at

    def close(self) -> None:
        """Nothing is held."""


def exchanged(folder: Path, records: int) -> list[int]:
    """Ours. A parallelism of its own gives the sink a worker of its own."""
    from sage_local import LocalEnvironment

    with tempfile.TemporaryDirectory(dir=folder) as written:
        env = LocalEnvironment("exchange", config={"parallelism": 2})
        env.from_source(Records(records)).sink(Ids(written, 2), parallelism=1)
        env.submit()
        return total(written)


WORKLOADS = (
    Workload(
        name="exchange",
        title="3-field dicts from worker to worker against pickle 5 over a Pipe",
        records=2_000_000,
        few=1_000,
        check=check,
        contestants={"making": floor(making), "pipe": floor(pipe), "2 workers": sage(exchanged)},
        figures=(
            Figure(
                "CPU of pipe / CPU of 2 workers, making apart",
                lambda the: the.cpu_ns_beyond("making", "pipe") / the.cpu_ns_beyond("making", "2 workers"),
                goal=2,
            ),
            Figure("CPU ns per record, pipe", lambda the: the.cpu_ns_beyond("making", "pipe")),
            Figure("CPU ns per record, 2 workers", lambda the: the.cpu_ns_beyond("making", "2 workers")),
        ),
    ),
)

if __name__ == "__main__":
    compete(WORKLOADS)
