"""``on_error`` of windows: what the user's code fails on is left out and counted, and nothing else is."""

from collections.abc import Callable, Iterable
from typing import Any

import pytest

from sage_local import (
    AggregateFunction,
    EventTimeSessionWindows,
    FailedRecord,
    KeyedStream,
    OperatorError,
    OutputTag,
    ProcessWindowFunction,
    SlidingEventTimeWindows,
    Sum,
    TumblingEventTimeWindows,
    WindowContext,
    WindowedStream,
)
from sage_local.testing import OperatorHarness

FAILED = OutputTag[FailedRecord]("failed")
Event = tuple[str, Any]
Windows = Callable[[KeyedStream[Any, Event]], WindowedStream[Any, Event]]

KINDS: dict[str, Windows] = {
    "tumbling": lambda keyed: keyed.window(TumblingEventTimeWindows.of(10)),
    "sliding": lambda keyed: keyed.window(SlidingEventTimeWindows.of(10, 10)),
    "session": lambda keyed: keyed.window(EventTimeSessionWindows.with_gap(10)),
    "general": lambda keyed: keyed.window(TumblingEventTimeWindows.of(10)).allowed_lateness(1),
    "count": lambda keyed: keyed.count_window(2),
}


class Mean(AggregateFunction[Event, list[int], float]):
    """Fails on whatever is no number, and on a sum of 13."""

    def create_accumulator(self) -> list[int]:
        return []

    def add(self, accumulator: list[int], value: Event) -> list[int]:
        return [*accumulator, value[1] + 0]

    def get_result(self, accumulator: list[int]) -> float:
        if sum(accumulator) == 13:
            raise ValueError("bad luck")
        return sum(accumulator) / len(accumulator)

    def merge(self, first: list[int], second: list[int]) -> list[int]:
        return first + second


class Picky(ProcessWindowFunction[str, Event, str]):
    """Fails on a window of key ``"b"``, after a result."""

    def process(self, key: str, context: WindowContext, values: Iterable[Event]) -> Iterable[str]:
        yield f"{key} begins"
        if key == "b":
            raise ValueError("not b")
        yield f"{key} ends"


class Untidy(ProcessWindowFunction[str, Event, str]):
    def process(self, key: str, context: WindowContext, values: Iterable[Event]) -> Iterable[str]:
        yield key

    def clear(self, context: WindowContext) -> None:
        raise ValueError("no broom")


def run(
    kind: str, finish: Callable[[WindowedStream[Any, Event]], Any], *events: Event
) -> tuple[list[Any], list[FailedRecord], int]:
    """Results, what was diverted, and how many records and windows are counted as failed."""

    def build(stream: Any) -> Any:
        return finish(KINDS[kind](stream.key_by(lambda event: event[0])))

    with OperatorHarness(build) as harness:
        for event in events:
            harness.push(event, timestamp=5)
        harness.watermark(100)
        return harness.output(), harness.side_output(FAILED), harness.records_failed


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("parallelism", [1])
def test_a_record_that_can_not_be_added_takes_no_other_with_it(kind: str, parallelism: int) -> None:
    events = [("a", 1), ("a", "x"), ("b", 5), ("a", 3), ("b", 6)]
    results, failed, count = run(kind, lambda windows: windows.aggregate(Mean(), on_error=FAILED), *events)
    assert sorted(results) == [("a", 2.0), ("b", 5.5)]
    assert [(each.record, each.error.partition(":")[0]) for each in failed] == [(("a", "x"), "TypeError")]
    assert count == 1
    assert run(kind, lambda windows: windows.aggregate(Mean(), on_error="skip"), *events) == (results, [], 1)


@pytest.mark.parametrize("kind", KINDS)
def test_a_first_record_that_can_not_be_added_opens_no_window(kind: str) -> None:
    events = [("a", "x"), ("b", 5), ("b", 6)]
    results, _, count = run(kind, lambda windows: windows.aggregate(Mean(), on_error="skip"), *events)
    assert (results, count) == ([("b", 5.5)], 1)


@pytest.mark.parametrize("kind", KINDS)
def test_a_built_in_aggregate_skips_what_it_can_not_add(kind: str) -> None:
    events = [("a", 1), ("a", None), ("a", 3)]
    results, _, count = run(kind, lambda windows: windows.aggregate(Sum(1), on_error="skip"), *events)
    assert (results, count) == ([("a", 4)], 1)


@pytest.mark.parametrize("kind", KINDS)
def test_a_result_that_can_not_be_made_takes_no_other_with_it(kind: str) -> None:
    events = [("a", 1), ("b", 6), ("c", 2), ("a", 3), ("b", 7), ("c", 2)]
    results, failed, count = run(kind, lambda windows: windows.aggregate(Mean(), on_error=FAILED), *events)
    assert sorted(results) == [("a", 2.0), ("c", 2.0)]
    (only,) = failed
    assert only.error == "ValueError: bad luck"
    assert only.record[0] == "b"
    assert "bad luck" in only.traceback
    assert count == 1
    assert run(kind, lambda windows: windows.aggregate(Mean(), on_error="skip"), *events) == (results, [], 1)


@pytest.mark.parametrize("kind", KINDS)
def test_a_window_function_that_fails_on_one_window_sees_the_others(kind: str) -> None:
    events = [("a", 1), ("b", 6), ("c", 2), ("a", 3), ("b", 7), ("c", 2)]
    results, failed, count = run(kind, lambda windows: windows.process(Picky(), on_error=FAILED), *events)
    assert sorted(results) == ["a begins", "a ends", "b begins", "c begins", "c ends"]
    assert [(each.record[0], each.error) for each in failed] == [("b", "ValueError: not b")]
    assert count == 1


def test_windows_after_a_failed_one_fire() -> None:
    def build(stream: Any) -> Any:
        return (
            stream.key_by(lambda event: event[0])
            .window(TumblingEventTimeWindows.of(10))
            .process(Picky(), on_error="skip")
        )

    with OperatorHarness(build) as harness:
        for time in (5, 15, 25):
            harness.push(("b", 1), ("a", 1), timestamp=time)
        harness.watermark(100)
        assert harness.output() == ["b begins", "a begins", "a ends"] * 3
        assert harness.records_failed == 3


def test_a_failing_clear_is_counted_too() -> None:
    results, failed, count = run("tumbling", lambda w: w.process(Untidy(), on_error=FAILED), ("a", 1), ("b", 1))
    assert (results, [each.error for each in failed], count) == (["a", "b"], ["ValueError: no broom"] * 2, 2)


@pytest.mark.parametrize("kind", KINDS)
def test_without_on_error_a_failing_window_fails_the_job(kind: str) -> None:
    with pytest.raises(OperatorError, match="bad luck"):
        run(kind, lambda windows: windows.aggregate(Mean()), ("a", 6), ("a", 7))
