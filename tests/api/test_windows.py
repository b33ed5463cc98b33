"""What of windows and event time is refused while the program is built."""

from typing import Any

import pytest

from sage_local import (
    AggregateFunction,
    Count,
    EventTimeSessionWindows,
    GlobalWindows,
    LocalEnvironment,
    OutputTag,
    PlanError,
    ProcessWindowFunction,
    Trigger,
    TriggerResult,
    TumblingEventTimeWindows,
    TumblingProcessingTimeWindows,
    WatermarkStrategy,
)

STRATEGY: WatermarkStrategy[Any] = WatermarkStrategy.for_monotonous_timestamps().with_timestamp_assigner(0)
EVENT = TumblingEventTimeWindows.of("10s")
PROCESSING = TumblingProcessingTimeWindows.of("10s")


class Unmergeable(AggregateFunction[Any, int, int]):
    """Has no merge."""


class Once(Trigger):
    def on_element(self, value: Any, timestamp: int, window: Any, context: Any, /) -> TriggerResult:
        return TriggerResult.FIRE


class Process(ProcessWindowFunction[Any, Any, Any]):
    """Processes."""


def plain() -> Any:
    return LocalEnvironment().from_collection([(1, 2)])


def keyed() -> Any:
    return plain().assign_timestamps_and_watermarks(STRATEGY).key_by(lambda event: event[1])


def half_timed() -> Any:
    stream = plain()
    return stream.assign_timestamps_and_watermarks(STRATEGY).union(stream)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: plain().key_by(len).window(EVENT), r"needs records with timestamps: call assign_timestamps"),
        (lambda: plain().window_all(EVENT), "needs records with timestamps"),
        (lambda: half_timed().key_by(len).window(EVENT), "on every stream that leads here"),
        (lambda: keyed().window(TumblingEventTimeWindows), "found TumblingEventTimeWindows"),
        (lambda: keyed().window("10s"), "takes a window assigner such as .*, found '10s'"),
        (lambda: keyed().window(GlobalWindows()).count(), "needs a trigger"),
        (lambda: keyed().window(EVENT).trigger(Once), "takes an instance of a Trigger"),
        (lambda: keyed().window(EventTimeSessionWindows.with_gap(5)).trigger(Once()), "Once can not merge"),
        (
            lambda: keyed().window(EventTimeSessionWindows.with_gap(5)).aggregate(Unmergeable()),
            r"override its merge\(\)",
        ),
        (lambda: keyed().window(EVENT).allowed_lateness(-1), "allowed lateness must not be negative; found -1"),
        (lambda: keyed().window(PROCESSING).allowed_lateness(1), "is for windows of event time"),
        (lambda: keyed().window(PROCESSING).side_output_late_data(OutputTag("late")), "is for windows of event time"),
        (lambda: keyed().window(EVENT).side_output_late_data("late"), "takes an OutputTag, found 'late'"),
        (lambda: keyed().window(EVENT).aggregate(), "takes one AggregateFunction, or several by name"),
        (lambda: keyed().window(EVENT).aggregate(Count), r"write Count\(\.\.\.\)"),
        (lambda: keyed().window(EVENT).aggregate(n=Count), "takes instances of AggregateFunction"),
        (lambda: keyed().window(EVENT).reduce(lambda a: a), "with 2 arguments"),
        (lambda: keyed().window(EVENT).apply(lambda values: values), "is called with key, window and values"),
        (lambda: keyed().window(EVENT).apply(Process()), r"a ProcessWindowFunction is for process\(\)"),
        (lambda: keyed().window(EVENT).process(Process), r"write Process\(\.\.\.\)"),
        (lambda: keyed().window(EVENT).process(len), "takes an instance of ProcessWindowFunction"),
        (lambda: keyed().count_window(0), "size of count_window must be an int of at least 1; found 0"),
        (lambda: keyed().count_window(2.5), "found 2.5"),
        (lambda: keyed().count_window(3, 0), "slide of count_window must be an int of at least 1; found 0"),
        (lambda: keyed().count_window(3, 5), "must not be more than its size; found slide 5 and size 3"),
        (lambda: keyed().count_window(3).allowed_lateness(1), "does not apply to count windows"),
        (
            lambda: plain().assign_timestamps_and_watermarks(WatermarkStrategy.for_monotonous_timestamps()),
            "no timestamps yet",
        ),
        (lambda: plain().assign_timestamps_and_watermarks("5s"), "takes a WatermarkStrategy"),
        (lambda: WatermarkStrategy.for_bounded_out_of_orderness("-5s"), "must not be negative; found '-5s'"),
        (lambda: WatermarkStrategy.for_monotonous_timestamps().with_idleness(0), "idleness timeout must be positive"),
        (lambda: WatermarkStrategy.for_generator(3), "makes a new WatermarkGenerator"),
        (lambda: WatermarkStrategy.for_monotonous_timestamps().with_timestamp_assigner(None), "found None"),
    ],
)
def test_is_refused(build: Any, message: str) -> None:
    with pytest.raises(PlanError, match=message):
        build()


def test_windows_of_processing_time_need_no_timestamps() -> None:
    plain().key_by(len).window(PROCESSING).count()
