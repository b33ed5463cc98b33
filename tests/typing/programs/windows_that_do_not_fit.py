"""What a type checker must refuse of event time and windows."""

from collections.abc import Iterable, Iterator

from sage_local import (
    AggregateFunction,
    LocalEnvironment,
    ProcessWindowFunction,
    TimestampAssigner,
    TumblingEventTimeWindows,
    WatermarkGenerator,
    WatermarkOutput,
    WatermarkStrategy,
    WindowContext,
)


class Letters(AggregateFunction[str, int, int]):
    def create_accumulator(self) -> int:
        return 0

    def add(self, accumulator: int, value: str) -> int:
        return accumulator + len(value)

    def get_result(self, accumulator: int) -> int:
        return accumulator


class Words(ProcessWindowFunction[str, str, int]):
    def process(self, key: int, context: WindowContext, values: Iterable[str], /) -> Iterator[str]:
        yield from values


class WordTime(TimestampAssigner[str]):
    def extract_timestamp(self, value: str, record_timestamp: int | None, /) -> int:
        return int(value)


class WordMarks(WatermarkGenerator[str]):
    def on_event(self, value: str, timestamp: int, output: WatermarkOutput, /) -> None:
        output.emit_watermark(value)  # mypy: arg-type  pyright: reportArgumentType


env = LocalEnvironment("windows")
numbers = env.from_collection([1, 2])
windows = numbers.key_by(abs).window(TumblingEventTimeWindows.of("1s"))
strategy = WatermarkStrategy.for_generator(WordMarks)

numbers.assign_timestamps_and_watermarks(strategy)  # mypy: arg-type  pyright: reportArgumentType
strategy.with_timestamp_assigner(lambda word: word.amount)  # mypy: attr-defined  pyright: reportAttributeAccessIssue
windows.aggregate(Letters())  # mypy: arg-type  pyright: reportArgumentType
windows.aggregate(letters=Letters())  # mypy: arg-type  pyright: reportArgumentType
windows.process(Words())  # mypy: arg-type  pyright: reportArgumentType
windows.apply(lambda key, values: values)  # mypy: arg-type  pyright: reportArgumentType
windows.trigger("count")  # mypy: arg-type  pyright: reportArgumentType
numbers.key_by(abs).window("1s")  # mypy: arg-type  pyright: reportArgumentType
numbers.window(TumblingEventTimeWindows.of("1s"))  # mypy: attr-defined  pyright: reportAttributeAccessIssue
numbers.window_all(TumblingEventTimeWindows.of("1s")).process(Words())  # mypy: arg-type  pyright: reportArgumentType
numbers.key_by(abs).count_window("10")  # mypy: arg-type  pyright: reportArgumentType
