"""What the benchmark programs share: choosing a contestant and its amount of work by name, and reporting.

``few`` is the same program with next to nothing to do: what it costs is start-up, a figure of its own, which the table
subtracts from what ``many`` costs, for the floor and for the engine alike.
"""

import json
import sys
import time
from collections.abc import Callable, Mapping
from typing import TypeVar

Amount = TypeVar("Amount")


def main(contestants: Mapping[str, Callable[[Amount], int]], *, few: Amount, many: Amount) -> None:
    """Run ``CONTESTANT few|many`` of the command line; a contestant returns the number of records it handled."""
    name, amount = sys.argv[1], {"few": few, "many": many}[sys.argv[2]]
    started = time.perf_counter()
    records = contestants[name](amount)
    report(seconds=time.perf_counter() - started, records=records)


def report(**figures: float) -> None:
    """The line that the harness reads."""
    print(json.dumps(figures))
