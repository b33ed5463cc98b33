"""A stateless chain of three lambdas and a sink against the same four calls in one hand-written loop."""

from collections.abc import Callable
from pathlib import Path

from sage_local.bench.compete import compete
from sage_local.bench.workload import Figure, Workload, expect, floor, ratio, sage

Function = Callable[[int], int]

plus: Function = lambda x: x + 1  # noqa: E731  # lambdas are the subject: what users write most
not_third: Function = lambda x: x % 3  # noqa: E731  # as above
minus: Function = lambda x: x - 1  # noqa: E731  # as above
discard: Callable[[int], None] = lambda x: None  # noqa: E731  # as above


def passing(records: int) -> int:
    """How many reach the sink."""
    return records - records // 3


def check(folder: Path, records: int, reached: int) -> None:
    """As many as the filter lets pass."""
    expect("records at the sink", passing(records), reached)


def loop(folder: Path, records: int) -> int:
    """Counting would cost it as much as one of the calls: what passes is known."""
    for x in range(records):
        y = plus(x)
        if not_third(y):
            discard(minus(y))
    return passing(records)


def chained(folder: Path, records: int) -> int:
    """Ours."""
    from sage_local import LocalEnvironment

    env = LocalEnvironment("chain", config={"parallelism": 1})
    env.from_collection(range(records)).map(plus).filter(not_third).map(minus).sink(discard)
    return env.submit().operators[-1].records_in


WORKLOADS = (
    Workload(
        name="chain",
        title="map → filter → map of lambdas",
        records=10_000_000,
        few=10_000,
        check=check,
        contestants={"loop": floor(loop), "1 worker": sage(chained)},
        figures=(
            ratio("seconds", "loop", "1 worker", goal=0.95),
            ratio("cpu_s", "loop", "1 worker"),
            Figure(
                "CPU ns per record beyond the loop's",
                lambda the: (the("1 worker", "cpu_s_per_million") - the("loop", "cpu_s_per_million")) * 1e3,
                goal=20,
                at_most=True,
            ),
        ),
    ),
)

if __name__ == "__main__":
    compete(WORKLOADS)
