import itertools
from collections.abc import Iterator
from typing import Any

import pytest

from sage_local.connectors.generator import GeneratorSource, Pace
from sage_local.errors import SourceError


def numbers() -> Iterator[int]:
    yield from range(3)


def test_what_the_function_yields_is_emitted_in_order(recording: Any) -> None:
    ctx = recording()
    GeneratorSource(numbers).run(ctx)
    assert ctx.collected == [0, 1, 2]


def test_an_endless_generator_ends_when_the_job_stops(recording: Any) -> None:
    ctx = recording(stop_after=5)
    GeneratorSource(itertools.count, rate=1e6).run(ctx)
    assert ctx.collected == [0, 1, 2, 3, 4]


def test_a_push_source_has_no_splits() -> None:
    assert GeneratorSource(numbers).splits() is None


def test_records_are_due_at_even_distances() -> None:
    pace = Pace(rate=4, start_s=100)
    assert [pace.advance(100), pace.advance(100), pace.advance(100.25), pace.advance(100.4)] == [
        0,
        0.25,
        0,
        pytest.approx(0.1),
    ]


def test_a_source_that_fell_behind_catches_up_at_most_one_second() -> None:
    pace = Pace(rate=10, start_s=0)
    assert [pace.advance(100) <= 0 for _ in range(12)] == [True] * 11 + [False]


@pytest.mark.parametrize("rate", [0, -1, float("nan")])
def test_a_rate_that_is_not_positive_is_refused(rate: float) -> None:
    with pytest.raises(ValueError, match="records per second above 0"):
        GeneratorSource(numbers, rate=rate)


def test_a_generator_object_is_refused() -> None:
    """It could neither travel to a worker nor start again."""
    with pytest.raises(TypeError, match="takes a generator function, found generator"):
        GeneratorSource(numbers())


def test_a_function_that_returns_no_iterable_is_an_error_naming_it(recording: Any) -> None:
    def five() -> int:
        return 5

    with pytest.raises(SourceError, match=r"expected .*five\(\) to return an iterable, found int"):
        GeneratorSource(five).run(recording())
