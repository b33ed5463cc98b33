"""What the model does not tell: processing time, functions with state, errors."""

from collections.abc import Iterable
from typing import Any

import pytest

from sage_local.core.clock import ManualClock
from sage_local.core.elements import MAX_TIMESTAMP, Rows, Side, Watermark
from sage_local.errors import InvalidKeyError, StateError
from sage_local.functions.aggregates import Count, Sum
from sage_local.functions.multi import Multi
from sage_local.functions.output_tag import OutputTag
from sage_local.functions.state import ValueStateDescriptor
from sage_local.functions.window import ProcessWindowFunction, WindowContext
from sage_local.runtime.protocol.blame import OperatorFailed
from sage_local.windowing.assigners import (
    EventTimeSessionWindows,
    GlobalWindows,
    ProcessingTimeSessionWindows,
    SlidingEventTimeWindows,
    SlidingProcessingTimeWindows,
    TumblingEventTimeWindows,
    TumblingProcessingTimeWindows,
)
from sage_local.windowing.triggers import ContinuousProcessingTimeTrigger, CountTrigger, PurgingTrigger
from tests.runtime.operators.window_driver import opened, outputs, results, run, window
from tests.runtime.operators.window_model import END

DEAD = OutputTag[Any]("dead")


def tick(operator: Any, clock: ManualClock, now_ms: int) -> list[Any]:
    clock.set(now_ms)
    return results(list(operator.advance_time(now_ms)))


def untimed(operator: Any, *events: Any) -> list[Any]:
    return list(operator.process(Rows(list(events))))


@pytest.mark.parametrize(
    ("assigner", "ends"),
    [(TumblingProcessingTimeWindows.of(10), [10]), (SlidingProcessingTimeWindows.of(10, 5), [5, 10])],
)
def test_windows_of_processing_time_fire_when_the_clock_passes_their_end(assigner: Any, ends: list[int]) -> None:
    clock = ManualClock(3)
    operator = opened(window(assigner, aggregate=Count()), clock)
    untimed(operator, ("a", 0, 0), ("a", 0, 0))
    for end in ends:
        assert operator.next_time_ms() == end
        assert tick(operator, clock, end) == [(("a", 2), end - 1)]
    assert operator.next_time_ms() is None


def test_sessions_of_processing_time_end_when_a_key_was_silent() -> None:
    clock = ManualClock(0)
    operator = opened(window(ProcessingTimeSessionWindows.with_gap(10), aggregate=Count()), clock)
    untimed(operator, ("a", 0, 0))
    clock.set(6)
    untimed(operator, ("a", 0, 0))
    assert tick(operator, clock, 10) == []
    assert operator.next_time_ms() == 16
    assert tick(operator, clock, 16) == [(("a", 2), 15)]


def test_windows_of_processing_time_fire_at_the_end_of_input() -> None:
    operator = opened(window(TumblingProcessingTimeWindows.of(10), aggregate=Count()), ManualClock(3))
    untimed(operator, ("a", 0, 0))
    assert results(list(operator.watermark(Watermark(MAX_TIMESTAMP)))) == [(("a", 1), 9)]


def test_a_clock_that_is_set_back_opens_no_window_again() -> None:
    class Clock:
        now = 15

        def now_ms(self) -> int:
            return self.now

    clock = Clock()
    operator = opened(window(TumblingProcessingTimeWindows.of(10), aggregate=Count()), clock)
    untimed(operator, ("a", 0, 0))
    clock.now = 20
    assert len(results(list(operator.advance_time(20)))) == 1
    clock.now = 12
    untimed(operator, ("a", 0, 0))
    clock.now = 30
    assert results(list(operator.advance_time(30))) == [(("a", 1), 29)]


def test_a_global_window_fires_by_its_trigger_alone() -> None:
    spec = window(GlobalWindows(), aggregate=Sum(2), trigger=PurgingTrigger.of(CountTrigger.of(2)))
    operator = opened(spec)
    assert run(operator, [[("a", 0, 1), ("a", 0, 2), ("a", 0, 3)]]) == [[(("a", 3), MAX_TIMESTAMP)], []]


def test_a_continuous_trigger_fires_while_the_window_is_open() -> None:
    clock = ManualClock(0)
    trigger = ContinuousProcessingTimeTrigger.of(4)
    operator = opened(window(GlobalWindows(), aggregate=Count(), trigger=trigger), clock)
    untimed(operator, ("a", 0, 0))
    assert tick(operator, clock, 4) == [(("a", 1), MAX_TIMESTAMP)]
    untimed(operator, ("a", 0, 0))
    assert tick(operator, clock, 8) == [(("a", 2), MAX_TIMESTAMP)]


class Remembering(ProcessWindowFunction[Any, Any, str]):
    fired = ValueStateDescriptor("fired", 0)
    ever = ValueStateDescriptor("ever", 0)

    def process(self, key: str, context: WindowContext, values: Iterable[Any], /) -> Iterable[Any]:
        fired, ever = context.window_state(self.fired), context.global_state(self.ever)
        fired.update(fired.value() + 1)
        ever.update(ever.value() + 1)
        yield key, tuple(context.window), len(list(values)), fired.value(), ever.value()
        yield DEAD, context.current_watermark

    def clear(self, context: WindowContext, /) -> None:
        self.cleared = context.window_state(self.fired).value()


def test_a_window_function_has_state_of_the_window_and_of_the_key() -> None:
    function = Remembering()
    operator = opened(window(TumblingEventTimeWindows.of(10), function=function, lateness_ms=5))
    steps = [[("a", 1, 0)], 9, [("a", 2, 0), ("a", 12, 0)], 14, 20]
    values = [[value for value, _ in of_step] for of_step in run(operator, steps)]
    assert values == [
        [],
        [("a", (0, 10), 1, 1, 1)],
        [("a", (0, 10), 2, 2, 2)],
        [],
        [("a", (10, 20), 1, 1, 3)],
        [],
    ]
    assert function.cleared == 1
    assert operator._managed.backend.table("window:fired").namespaces() == []


def test_a_window_function_yields_to_side_outputs() -> None:
    operator = opened(window(TumblingEventTimeWindows.of(10), function=Remembering()))
    outputs(operator, [("a", 1, 0)])
    sides = [element for element in outputs(operator, 15) if isinstance(element, Side)]
    assert sides == [Side("dead", Rows([15], None, [9]))]


def test_windows_that_merge_have_no_state_of_their_own() -> None:
    operator = opened(window(EventTimeSessionWindows.with_gap(5), function=Remembering(), lateness_ms=1))
    with pytest.raises(OperatorFailed) as caught:
        run(operator, [[("a", 1, 0)]])
    assert isinstance(caught.value.error, StateError)


def test_a_dynamic_gap_is_asked_for_each_record() -> None:
    assigner = EventTimeSessionWindows.with_dynamic_gap(lambda event: event[2])
    operator = opened(window(assigner, aggregate=Count()))
    assert run(operator, [[("a", 0, 10), ("a", 9, 1), ("a", 20, 3)]])[-1] == [(("a", 2), 9), (("a", 1), 22)]


def test_window_all_needs_no_key() -> None:
    spec = window(TumblingEventTimeWindows.of(10), aggregate=Count(), is_keyed=False)
    assert run(opened(spec), [[("a", 1, 0), ("b", 2, 0)]]) == [[], [(2, 9)]]


def test_records_without_timestamps_are_an_error() -> None:
    operator = opened(window(TumblingEventTimeWindows.of(10), aggregate=Count()))
    with pytest.raises(OperatorFailed, match=r"call assign_timestamps_and_watermarks\(\) before key_by"):
        untimed(operator, ("a", 0, 0))


@pytest.mark.parametrize("bad", [["list"], float("nan"), 1 + 2j])
def test_a_key_that_is_none_is_said_to_be_that(bad: Any) -> None:
    operator = opened(window(TumblingEventTimeWindows.of(10), aggregate=Count()))
    with pytest.raises(OperatorFailed) as caught:
        outputs(operator, [("a", 1, 0), (bad, 2, 0)])
    assert isinstance(caught.value.error, InvalidKeyError)


@pytest.mark.parametrize("assigner", [TumblingEventTimeWindows.of(10), EventTimeSessionWindows.with_gap(10)])
@pytest.mark.parametrize("lateness_ms", [0, 5])
def test_a_function_that_raises_fails_on_its_record(assigner: Any, lateness_ms: int) -> None:
    spec = window(assigner, reduce=lambda a, b: (a[0], a[1], a[2] // b[2]), lateness_ms=lateness_ms)
    with pytest.raises(OperatorFailed) as caught:
        outputs(opened(spec), [("a", 1, 4), ("a", 1, 0), ("a", 1, 2)])
    assert caught.value.record == ("a", 1, 0)
    assert isinstance(caught.value.error, ZeroDivisionError)


def test_a_window_function_that_returns_text_is_an_error() -> None:
    operator = opened(window(TumblingEventTimeWindows.of(10), function=lambda key, span, values: "text"))
    with pytest.raises(OperatorFailed, match="return them in a list, found 'text'"):
        run(operator, [[("a", 1, 0)]])


def test_many_results_leave_in_batches() -> None:
    operator = opened(window(TumblingEventTimeWindows.of(10), aggregate=Count()))
    outputs(operator, [(key, 1, 0) for key in range(10_000)])
    assert [len(element.values) for element in outputs(operator, 9)] == [4096, 4096, 1808]


ABREAST = [(f"{i % 7}", i // 100, i) for i in range(350)]
"""Key, time and value: more records of each of four panes than it takes to fold those of one at once."""


@pytest.mark.parametrize("aggregate", [Count(), Sum(2), Multi(n=Count(), sum=Sum(2))])
@pytest.mark.parametrize("assigner", [TumblingEventTimeWindows.of(1), SlidingEventTimeWindows.of(3, 1)])
@pytest.mark.parametrize("order", [1, -1])
def test_a_batch_of_several_panes_is_folded_as_its_records_are(assigner: Any, aggregate: Any, order: int) -> None:
    whole, single = (opened(window(assigner, aggregate=aggregate)) for _ in range(2))
    found = results([*outputs_of(whole, ABREAST[::order]), *outputs(whole, END)])
    one_by_one = [element for each in ABREAST for element in outputs_of(single, [each])]
    assert sorted(found, key=repr) == sorted(results([*one_by_one, *outputs(single, END)]), key=repr)


@pytest.mark.parametrize("failing", [9, 109, 198, 349])
def test_the_record_that_fails_in_a_batch_of_several_panes_is_named(failing: int) -> None:
    operator = opened(window(TumblingEventTimeWindows.of(1), aggregate=Sum(2)))
    bad = ("1", ABREAST[failing][1], None)
    with pytest.raises(OperatorFailed) as caught:
        outputs_of(operator, [("1", 0, 0), *ABREAST[:failing], bad, *ABREAST[failing:]])
    assert caught.value.record == bad


def outputs_of(operator: Any, events: list[Any]) -> list[Any]:
    return list(operator.process(Rows(events, None, [time for _, time, _ in events])))
