"""Random small programs: on real processes, with the smallest frames and rings, they give what they give inline.

``EXAMPLES=1000 pytest tests/hostile/test_random_graphs.py`` tries that many instead of a few.
"""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sage_local import LocalEnvironment
from sage_local.api.datastream import DataStream
from sage_local.api.keyed import KeyedStream

EXAMPLES = int(os.environ.get("EXAMPLES", "15"))

Numbers = DataStream[int]
Build = Callable[[Numbers], Numbers]


@dataclass(frozen=True)
class Step:
    """Something to do to a stream of numbers; shown by Hypothesis as one would write it."""

    text: str
    build: Build
    keeps_order: bool = True

    def __repr__(self) -> str:
        return self.text


def mapped(parallelism: int | None, factor: int) -> Step:
    return Step(
        f".map(n * {factor} % 1009, parallelism={parallelism})",
        # Partitioned records stay in the subtasks that they are in.
        lambda stream: stream.map(
            lambda n: n * factor % 1009, parallelism=None if isinstance(stream, KeyedStream) else parallelism
        ),
    )


def filtered(divisor: int) -> Step:
    return Step(f".filter(n % {divisor})", lambda stream: stream.filter(lambda n: n % divisor))


def multiplied(times: int) -> Step:
    return Step(f".flat_map([n] * (n % {times}))", lambda stream: stream.flat_map(lambda n: [n] * (n % times)))


def padded(size: int) -> Step:
    """Records larger than a ring on their way."""
    return Step(
        f".through({size} bytes)",
        lambda stream: stream.map(lambda n: (n, "x" * size)).map(lambda pair: pair[0], parallelism=1),
    )


def keyed(divisor: int) -> Step:
    return Step(
        f".key_by(n % {divisor}).map(n + 1)",
        lambda stream: stream.key_by(lambda n: n % divisor).map(lambda n: n + 1),
        keeps_order=False,
    )


REBALANCED = Step(".rebalance()", lambda stream: stream.rebalance(), keeps_order=False)
EVERYWHERE = Step(
    ".broadcast().map(n, parallelism=2)",
    lambda stream: stream.broadcast().map(lambda n: n, parallelism=2),
    keeps_order=False,
)
COUNTED = Step(
    ".key_by(n % 3).count().map(first + second)",
    lambda stream: stream.key_by(lambda n: n % 3).count().map(lambda pair: pair[0] + pair[1]),
    keeps_order=False,
)
simple_steps = st.one_of(
    st.builds(mapped, st.sampled_from([None, 1, 2, 3, 4]), st.integers(1, 5)),
    st.builds(filtered, st.integers(2, 5)),
    st.builds(multiplied, st.integers(1, 4)),
    st.builds(padded, st.sampled_from([0, 5_000])),
    st.builds(keyed, st.integers(1, 5)),
    st.sampled_from([REBALANCED, EVERYWHERE, COUNTED]),
)


def applied(steps: Sequence[Step], stream: Numbers) -> Numbers:
    for step in steps:
        stream = step.build(stream)
    return stream


def forked(left: Sequence[Step], right: Sequence[Step]) -> Step:
    """A fan-out whose branches meet again."""
    return Step(
        f".union({list(left)}, {list(right)})",
        lambda stream: applied(left, stream).union(applied(right, stream)),
        keeps_order=False,
    )


branches = st.lists(simple_steps, max_size=2)
programs = st.lists(st.one_of(simple_steps, st.builds(forked, branches, branches)), max_size=5)


def result(engine: str, parallelism: int, rows: int, records: list[int], program: Sequence[Step]) -> list[int]:
    config = {
        "execution.engine": engine,
        "parallelism": parallelism,
        "frame.max-rows": rows,
        "ring.max-size": "4kb",
        "ring.min-size": "4kb",
    }
    return applied(program, LocalEnvironment("random", config=config).from_collection(records)).collect()


@settings(max_examples=EXAMPLES, suppress_health_check=[HealthCheck.too_slow])
@given(
    parallelism=st.integers(1, 4),
    rows=st.integers(1, 3),
    records=st.lists(st.integers(0, 1000), max_size=40),
    program=programs,
)
def test_processes_give_the_inline_result(parallelism: int, rows: int, records: list[int], program: list[Step]) -> None:
    """In the same order, unless a step gives order up."""
    inline = result("inline", parallelism, rows, records, program)
    processes = result("processes", parallelism, rows, records, program)
    if all(step.keeps_order for step in program):
        assert processes == inline
    else:
        assert sorted(processes) == sorted(inline)
