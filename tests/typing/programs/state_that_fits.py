"""State, process functions, side outputs and connected streams as they are meant to be used."""

from collections.abc import Iterator
from typing import assert_type

from sage_local import (
    AggregatingState,
    AggregatingStateDescriptor,
    BroadcastContext,
    BroadcastProcessFunction,
    BroadcastReadContext,
    BroadcastStateDescriptor,
    CoFlatMapFunction,
    CoMapFunction,
    CoProcessFunction,
    FailedRecord,
    FunctionContext,
    KeyedProcessContext,
    KeyedProcessFunction,
    ListState,
    ListStateDescriptor,
    LocalEnvironment,
    MapFunction,
    MapState,
    MapStateDescriptor,
    OutputTag,
    ProcessContext,
    ProcessFunction,
    ReducingState,
    ReducingStateDescriptor,
    StateTtlConfig,
    TimerContext,
    ValueState,
    ValueStateDescriptor,
)
from sage_local.api.connected import ConnectedStreams
from sage_local.api.datastream import DataStream
from sage_local.functions.aggregates import Count

LONG = OutputTag[int]("long")
FAILED = OutputTag[FailedRecord]("failed")
RULES: BroadcastStateDescriptor[str, int] = BroadcastStateDescriptor("rules")


class Lengths(ProcessFunction[str, int]):
    def process(self, value: str, ctx: ProcessContext, /) -> Iterator[int | tuple[OutputTag[int], int]]:
        if len(value) > 10:
            yield LONG, len(value)
        else:
            yield ctx.timestamp or len(value)


class Sessions(KeyedProcessFunction[int, str, tuple[int, str]]):
    count: ValueState[int]
    last: ValueState[str | None]
    words: ListState[str]
    entries: MapState[str, float]
    longest: ReducingState[str]
    number: AggregatingState[object, int]

    def open(self, context: FunctionContext, /) -> None:
        self.count = context.state(ValueStateDescriptor("count", default=0))
        self.last = context.state(ValueStateDescriptor[str | None]("last", ttl=StateTtlConfig("1h")))
        self.words = context.state(ListStateDescriptor[str]("words"))
        self.entries = context.state(MapStateDescriptor[str, float]("entries"))
        self.longest = context.state(ReducingStateDescriptor[str]("longest", max))
        self.number = context.state(AggregatingStateDescriptor("number", Count()))

    def process(self, value: str, ctx: KeyedProcessContext[int], /) -> Iterator[tuple[int, str]]:
        self.count.update(self.count.value() + 1)
        assert_type(self.last.value(), str | None)
        assert_type(self.words.get(), list[str])
        assert_type(self.entries.get(value), float | None)
        assert_type(self.entries.get(value, 0), float | int)
        assert_type(self.longest.get(), str | None)
        assert_type(self.number.get(), int | None)
        ctx.timers.register_event_time_timer(ctx.timers.current_watermark + 1)
        yield ctx.key, value

    def on_timer(self, timestamp: int, ctx: TimerContext[int], /) -> Iterator[tuple[int, str]]:
        yield ctx.key, ctx.time_domain.value


class Numbering(MapFunction[str, int]):
    def open(self, context: FunctionContext, /) -> None:
        self.count = context.state(ValueStateDescriptor("count", 0))

    def map(self, value: str, /) -> int:
        return self.count.value()


class Labels(CoMapFunction[str, int, bool]):
    def map1(self, value: str, /) -> bool:
        return bool(value)

    def map2(self, value: int, /) -> bool:
        return value > 0


class Words(CoFlatMapFunction[str, int, str]):
    def flat_map1(self, value: str, /) -> list[str]:
        return value.split()

    def flat_map2(self, value: int, /) -> Iterator[str]:
        yield str(value)


class Matching(CoProcessFunction[str, int, float]):
    def process1(self, value: str, ctx: KeyedProcessContext[object], /) -> Iterator[float]:
        yield float(value)

    def process2(self, value: int, ctx: KeyedProcessContext[object], /) -> None:
        return None


class Ruled(BroadcastProcessFunction[str, int, str]):
    def process(self, value: str, ctx: BroadcastReadContext, /) -> Iterator[str]:
        assert_type(ctx.broadcast_state(RULES).get(value), int | None)
        yield value

    def process_broadcast(self, value: int, ctx: BroadcastContext, /) -> None:
        ctx.broadcast_state(RULES).put("limit", value)


env = LocalEnvironment("state")
words = env.from_collection(["a", "b"])
numbers = env.from_collection([1, 2])
keyed = words.key_by(len)

lengths = words.process(Lengths())
assert_type(lengths, DataStream[int])
assert_type(lengths.side_output(LONG), DataStream[int])
assert_type(keyed.process(Sessions()), DataStream[tuple[int, str]])
assert_type(keyed.process(Lengths()), DataStream[int])
assert_type(keyed.map(Numbering()).collect(), list[int])
assert_type(words.map(len, on_error=FAILED).side_output(FAILED), DataStream[FailedRecord])
assert_type(words.filter(bool, on_error="skip"), DataStream[str])

both = words.connect(numbers)
assert_type(both, ConnectedStreams[str, int])
assert_type(both.map(Labels()), DataStream[bool])
assert_type(both.flat_map(Words()), DataStream[str])
assert_type(both.key_by(len, abs).process(Matching()), DataStream[float])
assert_type(keyed.connect(numbers.broadcast()).process(Ruled()), DataStream[str])
