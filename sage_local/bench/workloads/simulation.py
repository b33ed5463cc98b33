"""Simulated jobs under faults, one after the other in one thread: how many schedules are tried in a second."""

from pathlib import Path
from typing import Any

from sage_local.bench.compete import compete
from sage_local.bench.workload import Figure, Workload, expect, sage

RECORDS = 120
KEYS = 5


def check(folder: Path, schedules: int, judged: int) -> None:
    """Every run was judged and found right."""
    expect("schedules", schedules, judged)


def running_sums(folder: Path, schedules: int) -> int:
    """Keyed state over an exchange, with two workers and a two-phase sink."""
    from sage_local.testing import simulate

    expected = [(key, sum(range(key, upto + 1, KEYS))) for key in range(KEYS) for upto in range(key, RECORDS, KEYS)]
    for seed in range(schedules):
        simulate(_stream(), seed, expected=expected, key=lambda pair: pair[0])
    return schedules


def _stream() -> Any:
    from sage_local import LocalEnvironment

    env = LocalEnvironment("simulation", config={"parallelism": 2, "checkpoint.interval": "5ms"})
    pairs = env.from_collection(range(RECORDS)).map(lambda n: (n % KEYS, n))
    return pairs.key_by(lambda pair: pair[0]).reduce(lambda a, b: (a[0], a[1] + b[1]))


WORKLOADS = (
    Workload(
        name="simulation",
        title="simulated jobs under faults",
        records=200,
        few=5,
        check=check,
        contestants={"one thread": sage(running_sums)},
        figures=(
            Figure("schedules per CPU second", lambda the: the("one thread", "records") / the("one thread", "cpu_s")),
        ),
    ),
)

if __name__ == "__main__":
    compete(WORKLOADS)
