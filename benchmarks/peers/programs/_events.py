"""What all contestants of one workload have in common: the user's function, and how a program is called and reports.

Runs in the environment of every peer, so it knows only the standard library.
"""

import json
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

MILESTONE = 100
WINDOW_MS = 10_000

Workload = Callable[[Path, Path, int], None]


def kind_of(line: str) -> str:
    """The Python function of the workload ``count``."""
    event = json.loads(line)
    return f"{event['country']}/{event['kind']}"


def is_milestone(count: int) -> bool:
    """Few enough results to be checked; whether one is due must still be asked of every count."""
    return count % MILESTONE == 0


def write_counts(out: Path, counts: Iterable[tuple[str, int]]) -> None:
    with open(out / "counts.csv", "w", encoding="utf-8") as file:
        file.writelines(f"{key},{count}\n" for key, count in counts)


def main(workloads: Mapping[str, Workload]) -> None:
    """Run ``WORKLOAD SOURCE OUT WORKERS`` of the command line.

    ``SOURCE`` is a folder of input files and named by their records; results go to files in the folder ``OUT``.
    """
    name, source, out, workers = sys.argv[1:]
    started = time.perf_counter()
    workloads[name](Path(source), Path(out), int(workers))
    report(time.perf_counter() - started, int(Path(source).name))


def report(seconds: float, records: int) -> None:
    """The line that the harness reads."""
    print(json.dumps({"seconds": seconds, "records": records}))
