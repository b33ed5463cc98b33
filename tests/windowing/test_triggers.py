from typing import Any

import pytest

from sage_local.errors import PlanError
from sage_local.windowing.trigger import Trigger, TriggerResult
from sage_local.windowing.triggers import (
    ContinuousEventTimeTrigger,
    ContinuousProcessingTimeTrigger,
    CountTrigger,
    EventTimeTrigger,
    NeverTrigger,
    ProcessingTimeTrigger,
    PurgingTrigger,
)
from sage_local.windowing.windows import TimeWindow

WINDOW = TimeWindow(0, 100)


class Context:
    def __init__(self, *merged: dict[str, Any]) -> None:
        self.current_watermark = -1
        self.current_processing_time = 0
        self.state: dict[str, Any] = {}
        self.event: set[int] = set()
        self.processing: set[int] = set()
        self.merged_states = merged

    def register_event_time_timer(self, timestamp: int) -> None:
        self.event.add(timestamp)

    def register_processing_time_timer(self, timestamp: int) -> None:
        self.processing.add(timestamp)

    def delete_event_time_timer(self, timestamp: int) -> None:
        self.event.discard(timestamp)

    def delete_processing_time_timer(self, timestamp: int) -> None:
        self.processing.discard(timestamp)


def test_event_time_fires_at_the_end_and_at_once_behind_it() -> None:
    trigger, context = EventTimeTrigger(), Context()
    assert trigger.on_element(None, 5, WINDOW, context) is TriggerResult.CONTINUE
    assert context.event == {99}
    assert trigger.on_event_time(99, WINDOW, context) is TriggerResult.FIRE
    context.current_watermark = 99
    assert trigger.on_element(None, 5, WINDOW, context) is TriggerResult.FIRE


def test_event_time_ignores_a_timer_of_a_window_before_the_merge() -> None:
    assert EventTimeTrigger().on_event_time(50, WINDOW, Context()) is TriggerResult.CONTINUE


def test_processing_time_fires_at_the_end() -> None:
    trigger, context = ProcessingTimeTrigger(), Context()
    trigger.on_element(None, 5, WINDOW, context)
    assert context.processing == {99}
    assert trigger.on_processing_time(99, WINDOW, context) is TriggerResult.FIRE


def test_count_fires_every_so_many_records() -> None:
    trigger, context = CountTrigger.of(3), Context()
    results = [trigger.on_element(None, 0, WINDOW, context) for _ in range(7)]
    assert [bool(result & TriggerResult.FIRE) for result in results] == [False, False, True, False, False, True, False]


def test_count_adds_what_merged_windows_had() -> None:
    trigger, context = CountTrigger.of(5), Context({"count": 2}, {}, {"count": 2})
    trigger.on_merge(WINDOW, context)
    assert trigger.on_element(None, 0, WINDOW, context) is TriggerResult.FIRE


def test_continuous_event_time_fires_at_multiples_and_at_the_end() -> None:
    trigger, context = ContinuousEventTimeTrigger.of(40), Context()
    trigger.on_element(None, 5, WINDOW, context)
    assert context.event == {40, 99}
    assert trigger.on_event_time(40, WINDOW, context) is TriggerResult.FIRE
    assert context.event == {40, 80, 99}
    assert trigger.on_event_time(80, WINDOW, context) is TriggerResult.FIRE
    assert trigger.on_event_time(99, WINDOW, context) is TriggerResult.FIRE
    assert context.event == {40, 80, 99}
    trigger.clear(WINDOW, context)
    assert 99 not in context.event


def test_continuous_processing_time_fires_once_after_a_pause() -> None:
    trigger, context = ContinuousProcessingTimeTrigger.of(10), Context()
    context.current_processing_time = 7
    trigger.on_element(None, 0, WINDOW, context)
    assert context.processing == {10}
    context.current_processing_time = 57
    assert trigger.on_processing_time(10, WINDOW, context) is TriggerResult.FIRE
    assert context.processing == {10, 60}


def test_purging_purges_what_it_fires() -> None:
    trigger, context = PurgingTrigger.of(CountTrigger.of(2)), Context()
    assert trigger.on_element(None, 0, WINDOW, context) is TriggerResult.CONTINUE
    assert trigger.on_element(None, 0, WINDOW, context) is TriggerResult.FIRE_AND_PURGE


def test_purging_merges_if_what_it_wraps_does() -> None:
    class Mine(Trigger):
        def on_element(self, value: Any, timestamp: int, window: Any, context: Any) -> TriggerResult:
            return TriggerResult.CONTINUE

    assert PurgingTrigger.of(NeverTrigger()).can_merge
    assert not PurgingTrigger.of(Mine()).can_merge


@pytest.mark.parametrize("count", [0, -1, 1.0, True, "3", None])
def test_a_count_that_is_none_is_refused(count: Any) -> None:
    with pytest.raises(PlanError, match="count of CountTrigger must be an int of at least 1"):
        CountTrigger.of(count)
