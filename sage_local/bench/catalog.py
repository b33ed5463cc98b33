"""The workloads there are, and finding one by name or in a file."""

import difflib
import importlib
import runpy
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from sage_local.bench.workload import Workload

_PACKAGE = "sage_local.bench.workloads"
_MODULES = (
    "json_count",
    "keyed_count",
    "tumbling_columns",
    "filter_columns",
    "wordcount",
    "chain",
    "cpu_bound",
    "exchange",
    "windows",
    "state",
    "latency",
    "hello",
    "idle",
    "simulation",
)
"""In the order in which they are listed and run."""


class UnknownWorkload(Exception):
    """No workload has the name; the nearest is offered."""


@dataclass(frozen=True, slots=True)
class Found:
    """A workload, and the arguments by which an interpreter runs the program that it is in."""

    workload: Workload
    program: tuple[str, ...]


def built_in() -> list[Found]:
    """Every workload that comes with the package."""
    return [
        Found(workload, ("-m", f"{_PACKAGE}.{module}"))
        for module in _MODULES
        for workload in importlib.import_module(f"{_PACKAGE}.{module}").WORKLOADS
    ]


def find(words: Iterable[str]) -> list[Found]:
    """The workloads of ``words``: names, and files that define ``WORKLOADS``; each once.

    Raises ``UnknownWorkload``, and whatever a file raises.
    """
    known = {found.workload.name: found for found in built_in()}
    found = [each for word in words for each in ([known[word]] if word in known else _of_file(word, list(known)))]
    return list({each.workload.name: each for each in found}.values())


def _of_file(word: str, known: list[str]) -> list[Found]:
    if not word.endswith(".py"):
        nearest = difflib.get_close_matches(word, known, n=1, cutoff=0)
        raise UnknownWorkload(f"no workload is named {word!r}; did you mean {nearest[0]!r}? (sage bench list)")
    if not Path(word).is_file():
        raise UnknownWorkload(f"{word}: there is no such file")
    # As Python would, which contestants are run by: a file may import its neighbours.
    sys.path.insert(0, str(Path(word).resolve().parent))
    workloads = runpy.run_path(word).get("WORKLOADS")
    if not workloads or not all(isinstance(each, Workload) for each in workloads):
        raise UnknownWorkload(
            f"{word}: expected WORKLOADS, a tuple of sage_local.bench.workload.Workload, in this file"
        )
    return [Found(workload, (word,)) for workload in workloads]
