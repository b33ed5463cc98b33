"""Event time, windows, triggers and late data as they are meant to be used."""

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple, assert_type

from sage_local import (
    AggregateFunction,
    AllWindowedStream,
    Count,
    DataStream,
    EventTimeSessionWindows,
    FailedRecord,
    GlobalWindows,
    KeyedStream,
    LocalEnvironment,
    Max,
    MergeContext,
    OutputTag,
    ProcessWindowFunction,
    PurgingTrigger,
    SlidingEventTimeWindows,
    Sum,
    TimestampAssigner,
    TimeWindow,
    Trigger,
    TriggerContext,
    TriggerResult,
    TumblingEventTimeWindows,
    TumblingProcessingTimeWindows,
    ValueStateDescriptor,
    WatermarkGenerator,
    WatermarkOutput,
    WatermarkStrategy,
    Window,
    WindowContext,
    WindowedStream,
)

LATE = OutputTag["Sale"]("late")
FAILED = OutputTag[FailedRecord]("failed")


class Sale(NamedTuple):
    article: str
    time: int
    pieces: int


class SaleTime(TimestampAssigner[Sale]):
    def extract_timestamp(self, value: Sale, record_timestamp: int | None, /) -> int:
        return value.time


class Hourly(WatermarkGenerator[Sale]):
    def on_event(self, value: Sale, timestamp: int, output: WatermarkOutput, /) -> None:
        output.emit_watermark(value.time - timestamp % 3_600_000)


class Average(AggregateFunction[Sale, tuple[int, int], float]):
    def create_accumulator(self) -> tuple[int, int]:
        return 0, 0

    def add(self, accumulator: tuple[int, int], value: Sale) -> tuple[int, int]:
        return accumulator[0] + value.pieces, accumulator[1] + 1

    def get_result(self, accumulator: tuple[int, int]) -> float:
        return accumulator[0] / accumulator[1]


class Best(ProcessWindowFunction[Sale, int, str]):
    def process(self, key: str, context: WindowContext, values: Iterable[Sale], /) -> Iterator[int]:
        best = context.global_state(ValueStateDescriptor("best", 0))
        best.update(max(best.value(), context.window.max_timestamp, context.current_watermark))
        yield best.value()


class Labelled(ProcessWindowFunction[float, str, str]):
    def process(self, key: str, context: WindowContext, values: Iterable[float], /) -> Iterator[str]:
        yield f"{key}: {values}"


class Hundred(Trigger):
    can_merge = True

    def on_element(self, value: Any, timestamp: int, window: Window, context: TriggerContext, /) -> TriggerResult:
        context.register_event_time_timer(window.max_timestamp)
        return TriggerResult.FIRE if timestamp % 100 == 0 else TriggerResult.CONTINUE

    def on_merge(self, window: Window, context: MergeContext, /) -> None:
        context.state["n"] = len(context.merged_states)


def spanned(article: str, window: TimeWindow, results: list[float]) -> Iterator[tuple[str, int, float]]:
    yield article, window.end - window.start, results[0]


def articles(article: str, window: TimeWindow, sales: list[Sale]) -> list[str]:
    return [article, *(sale.article for sale in sales)]


env = LocalEnvironment("windows")
sales = env.from_collection([Sale("tea", 1, 2)])
bounded = WatermarkStrategy.for_bounded_out_of_orderness("5s").with_idleness("1min")
assert_type(sales.assign_timestamps_and_watermarks(bounded.with_timestamp_assigner(SaleTime())), DataStream[Sale])
assert_type(WatermarkStrategy.for_generator(Hourly), WatermarkStrategy[Sale])
timed = sales.assign_timestamps_and_watermarks(
    WatermarkStrategy.for_generator(Hourly).with_timestamp_assigner(lambda sale: sale.time)
)
assert_type(timed, DataStream[Sale])

keyed = timed.key_by(lambda sale: sale.article)
assert_type(keyed, KeyedStream[Sale, str])
hours = keyed.window(TumblingEventTimeWindows.of("1h", time_zone="Europe/Berlin"))
assert_type(hours, WindowedStream[Sale, str])
assert_type(hours.reduce(max), DataStream[Sale])
assert_type(hours.count(), DataStream[tuple[str, int]])
assert_type(hours.sum(lambda sale: sale.pieces), DataStream[tuple[str, int]])
assert_type(hours.aggregate(Average()), DataStream[tuple[str, float]])
assert_type(hours.aggregate(Average(), spanned), DataStream[tuple[str, int, float]])
assert_type(hours.aggregate(Average(), Labelled()), DataStream[str])
assert_type(hours.aggregate(n=Count(), most=Max(2), pieces=Sum(2)), DataStream[tuple[str, dict[str, Any]]])
assert_type(hours.apply(articles), DataStream[str])
assert_type(hours.process(Best()), DataStream[int])
assert_type(hours.trigger(PurgingTrigger.of(Hundred())), WindowedStream[Sale, str])

corrected = hours.allowed_lateness("10min").side_output_late_data(LATE)
assert_type(corrected, WindowedStream[Sale, str])
assert_type(corrected.count(on_error=FAILED).side_output(LATE), DataStream[Sale])

sliding = keyed.window(SlidingEventTimeWindows.of("1h", "5min"))
assert_type(sliding.process(Best()).map(lambda best: best + 1), DataStream[int])
assert_type(
    keyed.window(EventTimeSessionWindows.with_gap("5min")).trigger(Hundred()).count().collect(), list[tuple[str, int]]
)
assert_type(keyed.window(TumblingProcessingTimeWindows.of("1s")).apply(articles), DataStream[str])
assert_type(keyed.window(GlobalWindows()).trigger(Hundred()).reduce(max), DataStream[Sale])
assert_type(keyed.count_window(100, 10).aggregate(Average()), DataStream[tuple[str, float]])

every = timed.window_all(TumblingEventTimeWindows.of("1h"))
assert_type(every, AllWindowedStream[Sale])
assert_type(every.aggregate(Average()), DataStream[float])
assert_type(every.count(), DataStream[int])
assert_type(every.max(), DataStream[Sale])
assert_type(every.sum(lambda sale: sale.pieces), DataStream[int])
assert_type(every.min("pieces"), DataStream[Any])
assert_type(every.reduce(max), DataStream[Sale])
assert_type(every.reduce(max, lambda window, sales: [sale.pieces for sale in sales]), DataStream[int])
