"""A function that computes for tens of microseconds, on two workers against two independent processes."""

import multiprocessing
from pathlib import Path

from sage_local.bench.compete import compete
from sage_local.bench.workload import Workload, expect, floor, ratio, sage


def work(seed: int) -> int:
    """The user's function."""
    value = seed
    for _ in range(600):
        value = (value * 1103515245 + 12345) & 0x7FFFFFFF
    return value


def odd_in(part: range) -> int:
    """How many of the results are odd."""
    return sum(work(x) & 1 for x in part)


def prepare(folder: Path, records: int) -> None:
    """The right number."""
    (folder / "expected").write_text(str(odd_in(range(records))))


def check(folder: Path, records: int, odd: int) -> None:
    """That number."""
    expect("odd results", int((folder / "expected").read_text()), odd)


def two_processes(folder: Path, records: int) -> int:
    """Half of the records each."""
    with multiprocessing.get_context("fork").Pool(2) as pool:
        return sum(pool.map(odd_in, [range(0, records, 2), range(1, records, 2)]))


def computed(folder: Path, records: int) -> int:
    """Ours."""
    from sage_local import LocalEnvironment

    env = LocalEnvironment("cpu-bound", config={"parallelism": 2})
    return len(env.from_collection(range(records)).map(work).filter(lambda x: x & 1).collect())


WORKLOADS = (
    Workload(
        name="cpu_bound",
        title="a function that computes, 2 workers",
        records=100_000,
        few=100,
        prepare=prepare,
        check=check,
        contestants={"two processes": floor(two_processes), "2 workers": sage(computed)},
        figures=(
            ratio("seconds", "two processes", "2 workers", goal=0.95),
            ratio("cpu_s", "two processes", "2 workers"),
        ),
    ),
)

if __name__ == "__main__":
    compete(WORKLOADS)
