"""Windows of the clock, of a user's own trigger and behind idle inputs = a plain evaluation of the same steps."""

from collections import defaultdict
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sage_local import (
    ContinuousEventTimeTrigger,
    ContinuousProcessingTimeTrigger,
    DataStream,
    GlobalWindows,
    OperatorError,
    ProcessingTimeSessionWindows,
    SlidingProcessingTimeWindows,
    Trigger,
    TriggerContext,
    TriggerResult,
    TumblingEventTimeWindows,
    TumblingProcessingTimeWindows,
    Window,
)
from sage_local.testing import OperatorHarness

STEPS = st.lists(st.one_of(st.sampled_from("abc"), st.integers(1, 25)), max_size=40)
"""A record of that key, or so many milliseconds of the clock."""


def by_clock(assigner: Any, steps: list[str | int]) -> list[tuple[str, int]]:
    with OperatorHarness(lambda stream: stream.key_by(lambda key: key).window(assigner).count()) as harness:
        for step in steps:
            if isinstance(step, int):
                harness.advance(step)
            else:
                harness.push(step)
        harness.advance(1000)
        return sorted(harness.output())


@settings(max_examples=60)
@given(STEPS)
def test_tumbling_windows_of_the_clock(steps: list[str | int]) -> None:
    now, counts = 0, defaultdict[tuple[int, str], int](int)
    for step in steps:
        if isinstance(step, int):
            now += step
        else:
            counts[now // 10, step] += 1
    expected = sorted((key, number) for (_, key), number in counts.items())
    assert by_clock(TumblingProcessingTimeWindows.of(10), steps) == expected


@settings(max_examples=60)
@given(STEPS)
def test_sessions_of_the_clock(steps: list[str | int]) -> None:
    now, last, counts = 0, dict[str, int](), defaultdict[str, list[int]](list)
    for step in steps:
        if isinstance(step, int):
            now += step
            continue
        if step not in last or now - last[step] >= 10:
            counts[step].append(0)
        counts[step][-1] += 1
        last[step] = now
    expected = sorted((key, number) for key, numbers in counts.items() for number in numbers)
    assert by_clock(ProcessingTimeSessionWindows.with_gap(10), steps) == expected


@settings(max_examples=60)
@given(STEPS, st.integers(1, 12), st.integers(1, 12))
def test_sliding_windows_of_the_clock(steps: list[str | int], a: int, b: int) -> None:
    size, slide = max(a, b), min(a, b)
    now, counts = 0, defaultdict[tuple[int, str], int](int)
    for step in steps:
        if isinstance(step, int):
            now += step
        else:
            for start in range(now // slide * slide, now - size, -slide):
                counts[start, step] += 1
    expected = sorted((key, number) for (_, key), number in counts.items())
    assert by_clock(SlidingProcessingTimeWindows.of(size, slide), steps) == expected


@settings(max_examples=60)
@given(STEPS)
def test_a_continuous_trigger_of_the_clock_fires_while_its_window_is_open(steps: list[str | int]) -> None:
    """At every multiple of 7 ms, for the keys that have records in the window of 30; not at its end, as in Flink."""
    now, counts, expected = 0, defaultdict[tuple[int, str], int](int), list[tuple[str, int]]()

    def build(stream: Any) -> Any:
        windows = stream.key_by(lambda key: key).window(TumblingProcessingTimeWindows.of(30))
        return windows.trigger(ContinuousProcessingTimeTrigger.of(7)).count()

    with OperatorHarness(build) as harness:
        for step in steps:
            if isinstance(step, str):
                harness.push(step)
                counts[now // 30, step] += 1
                continue
            for _ in range(step):
                now += 1
                harness.advance(1)
                if now % 7 == 0:
                    expected += [(key, number) for (cell, key), number in counts.items() if cell == now // 30]
        assert sorted(harness.output()) == sorted(expected)


class Enough(Trigger):
    """Fires, and begins anew, when the values of a key have come to ten or more together."""

    def on_element(self, value: Any, timestamp: int, window: Any, context: TriggerContext, /) -> TriggerResult:
        context.state["sum"] = context.state.get("sum", 0) + value[1]
        if context.state["sum"] < 10:
            return TriggerResult.CONTINUE
        context.state["sum"] = 0
        return TriggerResult.FIRE_AND_PURGE


@settings(max_examples=60)
@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 9)), max_size=40))
def test_a_trigger_of_the_users_own(records: list[tuple[str, int]]) -> None:
    sums, expected = defaultdict[str, int](int), []
    for key, value in records:
        sums[key] += value
        if sums[key] >= 10:
            expected.append((key, sums.pop(key)))

    def build(stream: Any) -> Any:
        return stream.key_by(lambda record: record[0]).window(GlobalWindows()).trigger(Enough()).sum(1)

    with OperatorHarness(build) as harness:
        for record in records:
            harness.push(record, timestamp=0)
        assert harness.output() == expected


INPUTS = st.lists(st.tuples(st.integers(0, 1), st.one_of(st.none(), st.integers(0, 200)), st.booleans()), max_size=30)
"""Of an input: it is idle, or time has come to there, with a record a little before."""


@settings(max_examples=60)
@given(INPUTS)
def test_an_idle_input_holds_back_no_window(steps: list[tuple[int, int | None, bool]]) -> None:
    marks, idle, now = [-1, -1], [False, False], -1
    counts: dict[int, int] = defaultdict(int)

    def build(first: Any, second: Any) -> Any:
        return first.union(second).key_by(lambda _: 0).window(TumblingEventTimeWindows.of(10)).count()

    with OperatorHarness(build) as harness:
        for number, time, has_record in steps:
            if time is None:
                idle[number] = True
                harness.idle(stream=number)
            else:
                if has_record:
                    harness.push("record", timestamp=time, stream=number)
                    if (time // 10 + 1) * 10 - 1 > now:
                        counts[time // 10] += 1
                if time > marks[number]:
                    marks[number], idle[number] = time, False
                    harness.watermark(time, stream=number)
            active = [mark for mark, is_idle in zip(marks, idle, strict=True) if not is_idle]
            now = max(now, min(active) if active else max(marks))
            over = sorted(cell for cell in counts if cell * 10 + 9 <= now)
            assert [result for _, result in harness.output()] == [counts.pop(cell) for cell in over]


def test_a_continuous_trigger_of_a_window_that_never_ends_comes_to_an_end_with_the_input() -> None:
    def build(words: DataStream[str]) -> DataStream[tuple[str, int]]:
        windows = words.key_by(str).window(GlobalWindows()).trigger(ContinuousEventTimeTrigger.of(100))
        return windows.count()

    with OperatorHarness(build) as harness:
        harness.push_all([("a", 0), ("b", 50_000)])
        harness.end()
        # The multiple that each waits for, and the end of time.
        assert sorted(harness.output()) == [("a", 1), ("a", 1), ("b", 1), ("b", 1)]


@pytest.mark.parametrize("answer", [None, True, 1])
def test_what_a_trigger_answers_has_to_be_a_trigger_result(answer: Any) -> None:
    class Forgetful(Trigger):
        def on_element(self, value: Any, timestamp: int, window: Window, context: TriggerContext, /) -> Any:
            return answer

    with OperatorHarness(
        lambda numbers: numbers.key_by(int).window(TumblingEventTimeWindows.of(10)).trigger(Forgetful()).count()
    ) as harness:
        expected = rf"Forgetful.on_element\(\) must return a TriggerResult, found {answer!r}"
        with pytest.raises(OperatorError, match=expected):
            harness.push(1, timestamp=0)
