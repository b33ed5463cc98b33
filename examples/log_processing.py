"""What the package manager of a Debian machine did, by its log; lines that can not be read go to a stream of their own.

    sage run local --parallelism=2 examples/log_processing.py
    sage run local --parallelism=2 examples/log_processing.py -- /var/log/dpkg.log

Without an argument it reads an excerpt, ``examples/data/dpkg.log``, in which two lines are cut off, as the lines of a
log are when a disk is full. It prints how often each thing was done, on which day most, and what it could not read::

    43 x install, most on 2025-06-24 (43)
    ...
    not understood: '2025-06-24 14:36:2' (ValueError: not enough values to unpack (expected at least 3, got 2))

The failing operator stays as simple as if all lines were good: ``on_error=tag`` diverts what it raises on, with the
record, the error and the traceback.
"""

import sys
from collections import Counter
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from sage_local import AggregateFunction, DataStream, FailedRecord, LocalEnvironment, OutputTag

EXCERPT = Path(__file__).parent / "data" / "dpkg.log"
DEAD_LETTERS = OutputTag[FailedRecord]("dead letters")


class Event(NamedTuple):
    time: datetime
    action: str
    about: str


def parsed(text: str) -> Event:
    day, clock, action, *about = text.split()
    return Event(datetime.fromisoformat(f"{day} {clock}"), action, " ".join(about))


class ByDay(AggregateFunction[Event, Counter[str], tuple[int, str, int]]):
    """How often, and the day on which most with its number."""

    def create_accumulator(self) -> Counter[str]:
        return Counter()

    def add(self, accumulator: Counter[str], value: Event, /) -> Counter[str]:
        accumulator[str(value.time.date())] += 1
        return accumulator

    def get_result(self, accumulator: Counter[str], /) -> tuple[int, str, int]:
        # The first of equals by date, in whatever order they came.
        day = min(accumulator, key=lambda day: (-accumulator[day], day))
        return accumulator.total(), day, accumulator[day]

    def merge(self, first: Counter[str], second: Counter[str], /) -> Counter[str]:
        return first + second


def events(lines: DataStream[str]) -> DataStream[Event]:
    return lines.map(parsed, name="parse", on_error=DEAD_LETTERS)


def main() -> None:
    env = LocalEnvironment("log-processing", config={"execution.runtime-mode": "batch"})
    log = events(env.from_text(sys.argv[1] if len(sys.argv) > 1 else EXCERPT))
    # Every package passes through several states, each with a line: not things that were done.
    done = log.filter(lambda event: event.action != "status").key_by(lambda event: event.action).aggregate(ByDay())
    done.map(lambda each: f"{each[1][0]} x {each[0]}, most on {each[1][1]} ({each[1][2]})").print()
    log.side_output(DEAD_LETTERS).map(lambda failed: f"{failed.record!r} ({failed.error})").print(
        prefix="not understood: "
    )
    env.submit()


if __name__ == "__main__":
    main()
