"""What a type checker must refuse of state, process functions and connected streams."""

from collections.abc import Iterator

from sage_local import (
    BroadcastContext,
    BroadcastProcessFunction,
    BroadcastReadContext,
    BroadcastStateDescriptor,
    CoMapFunction,
    CoProcessFunction,
    FailedRecord,
    KeyedProcessContext,
    KeyedProcessFunction,
    LocalEnvironment,
    OutputTag,
    ValueState,
    ValueStateDescriptor,
)

RULES: BroadcastStateDescriptor[str, int] = BroadcastStateDescriptor("rules")


class Sessions(KeyedProcessFunction[int, str, str]):
    def process(self, value: str, ctx: KeyedProcessContext[int], /) -> Iterator[str]:
        yield value


class Matching(CoProcessFunction[str, int, float]):
    def process1(self, value: str, ctx: KeyedProcessContext[object], /) -> Iterator[float]:
        yield float(value)

    def process2(self, value: int, ctx: KeyedProcessContext[object], /) -> Iterator[float]:
        yield value


class Ruled(BroadcastProcessFunction[str, int, str]):
    def process(self, value: str, ctx: BroadcastReadContext, /) -> Iterator[str]:
        ctx.broadcast_state(RULES).put("limit", 1)  # mypy: attr-defined  pyright: reportAttributeAccessIssue
        yield value

    def process_broadcast(self, value: int, ctx: BroadcastContext, /) -> None:
        ctx.broadcast_state(RULES).put(value, 1)  # mypy: arg-type  pyright: reportArgumentType


class Labels(CoMapFunction[str, int, bool]):
    def map1(self, value: str, /) -> bool:
        return bool(value)

    def map2(self, value: int, /) -> bool:
        return value > 0


def count(state: ValueState[int]) -> None:
    state.update("one")  # mypy: arg-type  pyright: reportArgumentType


env = LocalEnvironment("state")
words = env.from_collection(["a", "b"])
numbers = env.from_collection([1, 2])
FAILED = OutputTag[FailedRecord]("failed")

numbers.key_by(abs).process(Sessions())  # mypy: arg-type  pyright: reportCallIssue
words.process(Sessions())  # mypy: call-overload  pyright: reportCallIssue
numbers.connect(words).process(Matching())  # mypy: arg-type  pyright: reportArgumentType
numbers.key_by(abs).connect(words.broadcast()).process(Ruled())  # mypy: arg-type  pyright: reportArgumentType
numbers.connect(words).map(Labels())  # mypy: arg-type  pyright: reportArgumentType
words.map(len, on_error="ignore")  # mypy: call-overload  pyright: reportCallIssue
words.side_output("failed")  # mypy: arg-type  pyright: reportArgumentType
ValueStateDescriptor[int]("count", default="none")  # mypy: call-overload  pyright: reportArgumentType
