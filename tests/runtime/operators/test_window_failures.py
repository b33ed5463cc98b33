"""``on_error`` of windows: what the user's code fails on is left out and counted, and nothing else is."""

from collections.abc import Callable, Iterable
from typing import Any

import pytest

from sage_local import (
    AggregateFunction,
    Count,
    EventTimeSessionWindows,
    FailedRecord,
    KeyedStream,
    Multi,
    OperatorError,
    OutputTag,
    ProcessWindowFunction,
    SlidingEventTimeWindows,
    Sum,
    TimeWindow,
    Trigger,
    TriggerContext,
    TriggerResult,
    TumblingEventTimeWindows,
    Window,
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
def test_a_record_that_can_not_be_added_takes_no_other_with_it(kind: str) -> None:
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


@pytest.mark.parametrize("last", [Sum(1), Mean()])
@pytest.mark.parametrize("kind", KINDS)
def test_a_record_that_one_of_several_aggregates_fails_on_counts_for_none(kind: str, last: Any) -> None:
    events = [("a", 1), ("a", None), ("a", 3)]
    several = Multi(n=Count(), inner=Multi(n=Count()), last=last)
    results, _, count = run(kind, lambda windows: windows.aggregate(several, on_error="skip"), *events)
    ((_, result),) = results
    assert (result["n"], result["inner"], count) == (2, {"n": 2}, 1)


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
def test_without_on_error_a_failing_window_fails_the_job_and_is_named(kind: str) -> None:
    with pytest.raises(
        OperatorError, match=r"failed on record \('b', (Time|Global)Window\(.*\)\): ValueError: bad luck"
    ):
        run(kind, lambda windows: windows.aggregate(Mean()), ("a", 1), ("b", 6), ("a", 2), ("b", 7))


def test_a_tuple_that_a_window_function_returns_is_taken_for_a_record_and_refused() -> None:
    with pytest.raises(OperatorError, match=r"return them in a list, found \('a', 1\)"):
        run("tumbling", lambda windows: windows.apply(lambda key, window, values: (key, len(values))), ("a", 1))


def unequal(first: Event, second: Event) -> Event:
    """Joins what is apart in time; fails where two records say the same."""
    if first[1] == second[1]:
        raise ValueError("twice the same")
    return first[0], max(first[1], second[1])


MERGING: dict[str, Windows] = {
    "sliding": lambda keyed: keyed.window(SlidingEventTimeWindows.of(20, 10)),
    "count": lambda keyed: keyed.count_window(2, 1),
}


@pytest.mark.parametrize("kind", MERGING)
def test_a_window_whose_panes_can_not_be_merged_takes_no_other_with_it(kind: str) -> None:
    def build(stream: Any) -> Any:
        return MERGING[kind](stream.key_by(lambda event: event[0])).reduce(unequal, on_error=FAILED)

    with OperatorHarness(build) as harness:
        for time, value in ((5, 1), (15, 2), (25, 2), (35, 3), (45, 4)):
            harness.push(("a", value), ("b", time), timestamp=time)
        harness.end()
        results = harness.output()
        assert sorted(value for key, value in results if key == "b") == [5, 15, 25, 35, 45, 45][: 6 - (kind == "count")]
        assert [value for key, value in results if key == "a"] == [1, 2, 3, 4, 4][: 5 - (kind == "count")]
        (failed,) = harness.side_output(FAILED)
        key, window = failed.record
        assert (key, failed.error) == ("a", "ValueError: twice the same")
        assert "raise ValueError" in failed.traceback
        if kind == "sliding":
            assert tuple(window) == (10, 30)
        assert harness.records_failed == 1


@pytest.mark.parametrize("kind", MERGING)
def test_without_on_error_a_failing_merge_names_the_operator(kind: str) -> None:
    def build(stream: Any) -> Any:
        # What follows in the same task is not to be blamed.
        reduced = MERGING[kind](stream.key_by(lambda event: event[0])).reduce(unequal, name="unequal")
        return reduced.map(lambda event: event, name="after")

    def run_all() -> None:
        with OperatorHarness(build) as harness:
            harness.push_all([(("a", 2), 5), (("a", 2), 15)])
            harness.end()

    with pytest.raises(OperatorError, match=r"operator 'unequal' .*: ValueError: twice the same"):
        run_all()


def test_panes_that_failed_to_merge_are_in_the_snapshot_of_a_count_window() -> None:
    def build(stream: Any) -> Any:
        return stream.key_by(lambda event: event[0]).count_window(3, 1).reduce(unequal, on_error=FAILED)

    with OperatorHarness(build) as harness:
        harness.push(("a", 1), ("a", 1), timestamp=0)
        assert [failed.error for failed in harness.side_output(FAILED)] == ["ValueError: twice the same"]
        snapshot = harness.snapshot()
    with OperatorHarness(build, restore=snapshot) as harness:
        harness.push(("a", 2), ("a", 3), timestamp=0)
        assert harness.output() == [("a", 3)]
        assert [failed.record[0] for failed in harness.side_output(FAILED)] == ["a"]


@pytest.mark.parametrize("lateness", [0, 1])
def test_a_record_that_would_join_sessions_which_can_not_be_merged_is_left_out(lateness: int) -> None:
    def build(stream: Any) -> Any:
        sessions = stream.key_by(lambda event: event[0]).window(EventTimeSessionWindows.with_gap(10))
        return sessions.allowed_lateness(lateness).reduce(unequal, on_error=FAILED)

    with OperatorHarness(build) as harness:
        harness.push_all([(("a", 1), 0), (("a", 1), 16), (("a", 2), 8), (("a", 3), 20)])
        harness.end()
        assert harness.output() == [("a", 1), ("a", 3)]
        assert [failed.record for failed in harness.side_output(FAILED)] == [("a", 2)]


class Touchy(Trigger):
    """Fails where it is told to, else fires at the end of the window."""

    can_merge = True

    def __init__(self, where: str) -> None:
        self.where = where

    def fails(self, where: str, window: Window) -> None:
        if where == self.where and window == TimeWindow(0, 10):
            raise ValueError(f"not {where}")

    def on_element(self, value: Any, timestamp: int, window: Any, context: TriggerContext) -> TriggerResult:
        context.register_event_time_timer(window.max_timestamp)
        self.fails("element", window)
        return TriggerResult.CONTINUE

    def on_event_time(self, timestamp: int, window: Window, context: TriggerContext) -> TriggerResult:
        self.fails("time", window)
        return TriggerResult.FIRE

    def clear(self, window: Window, context: TriggerContext) -> None:
        self.fails("clear", window)


@pytest.mark.parametrize(
    ("where", "results", "record"),
    [
        ("element", [("a", 1), ("a", 1)], ("a", 0)),
        ("time", [("a", 1)], ("a", TimeWindow(0, 10))),
        ("clear", [("a", 1), ("a", 1)], ("a", TimeWindow(0, 10))),
    ],
)
def test_a_trigger_that_fails_on_one_window_is_asked_about_the_others(
    where: str, results: list[Any], record: Any
) -> None:
    def build(stream: Any) -> Any:
        windows = stream.key_by(lambda event: event[0]).window(TumblingEventTimeWindows.of(10))
        return windows.trigger(Touchy(where)).count(name="touchy", on_error=FAILED)

    with OperatorHarness(build) as harness:
        harness.push(("a", 0), timestamp=0)
        harness.push(("a", 0), timestamp=10)
        harness.watermark(100)
        assert harness.output() == results
        assert [(failed.record, failed.error) for failed in harness.side_output(FAILED)] == [
            (record, f"ValueError: not {where}")
        ]
        assert [set(each.entries.values()) - {0} for each in harness.snapshot().operators.values()] == [set()]
