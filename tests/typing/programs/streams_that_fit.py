"""What the signatures of streams promise, said with ``assert_type``."""

from collections.abc import Iterator
from typing import Any, NamedTuple, assert_type

from sage_local import (
    AggregateFunction,
    BaseFunction,
    DataStream,
    DataStreamSink,
    FilterFunction,
    FlatMapFunction,
    FunctionContext,
    JobHandle,
    JobResult,
    KeyedStream,
    KeySelector,
    LocalEnvironment,
    MapFunction,
    ReduceFunction,
    SinkFunction,
    SourceContext,
    SourceFunction,
)


class Order(NamedTuple):
    customer: str
    amount: int


class Amount(MapFunction[Order, int]):
    def map(self, value: Order) -> int:
        return value.amount


class Doubled(MapFunction[int, str]):
    def process(self, value: int) -> str:
        return str(2 * value)


class Large(FilterFunction[Order]):
    def filter(self, value: Order) -> bool:
        return value.amount > 100


class Letters(FlatMapFunction[Order, str]):
    def flat_map(self, value: Order) -> Iterator[str]:
        yield from value.customer


class Customer(KeySelector[Order, str]):
    def get_key(self, value: Order) -> str:
        return value.customer


class Larger(ReduceFunction[Order]):
    def reduce(self, first: Order, second: Order) -> Order:
        return max(first, second)


class Average(AggregateFunction[Order, tuple[int, int], float]):
    def create_accumulator(self) -> tuple[int, int]:
        return 0, 0

    def add(self, accumulator: tuple[int, int], value: Order) -> tuple[int, int]:
        return accumulator[0] + value.amount, accumulator[1] + 1

    def get_result(self, accumulator: tuple[int, int]) -> float:
        return accumulator[0] / accumulator[1]


class Store(SinkFunction[Order]):
    def write(self, value: Order) -> None:
        print(value)


class Orders(SourceFunction[Order]):
    def run(self, ctx: SourceContext[Order]) -> None:
        ctx.collect(Order("a", 1))


class Anything(BaseFunction):
    def __init__(self, config: dict[str, Any]) -> None:
        self.config = config

    def open(self, context: FunctionContext) -> None:
        self.name = context.operator_name

    def process(self, value: Any) -> Any:
        return value


env = LocalEnvironment("typing", config={"parallelism": 2, "buffer": {"timeout": "10ms"}})
orders = env.from_source(Orders())

assert_type(orders, DataStream[Order])
assert_type(env.from_collection([1, 2]), DataStream[int])
assert_type(env.from_batch(["a"]), DataStream[str])
assert_type(env.from_text("*.txt"), DataStream[str])
assert_type(env.from_csv("*.csv"), DataStream[dict[str, str]])
assert_type(env.from_json_lines("*.jsonl"), DataStream[Any])
assert_type(env.from_socket("localhost", 9999), DataStream[str])


def generate() -> Iterator[float]:
    yield 1.5


assert_type(env.from_generator(generate, rate=10), DataStream[float])

assert_type(orders.map(lambda order: order.amount), DataStream[int])
assert_type(orders.map(Amount()), DataStream[int])
assert_type(orders.map(Amount()).map(Doubled()), DataStream[str])
assert_type(orders.map(Anything({})), DataStream[Any])
assert_type(orders.map(str), DataStream[str])
assert_type(orders.filter(lambda order: order.amount), DataStream[Order])
assert_type(orders.filter(Large()), DataStream[Order])
assert_type(orders.flat_map(lambda order: [order.amount]), DataStream[int])
assert_type(orders.flat_map(Letters()), DataStream[str])
assert_type(env.from_text("*.py").flat_map(str.split), DataStream[str])
assert_type(orders.rebalance(), DataStream[Order])
assert_type(orders.broadcast(), DataStream[Order])
assert_type(orders.map(Amount()).union(orders.map(str)), DataStream[int | str])
assert_type(orders.collect(), list[Order])

keyed = orders.key_by(lambda order: order.customer)
assert_type(keyed, KeyedStream[Order, str])
assert_type(orders.key_by(Customer()), KeyedStream[Order, str])
assert_type(keyed.map(Amount()), KeyedStream[int, str])
assert_type(keyed.filter(Large()), KeyedStream[Order, str])
assert_type(keyed.flat_map(Letters()), KeyedStream[str, str])
assert_type(keyed.reduce(lambda first, second: max(first, second)), DataStream[Order])
assert_type(keyed.reduce(Larger()), DataStream[Order])
assert_type(keyed.aggregate(Average()), DataStream[tuple[str, float]])
assert_type(keyed.count(), DataStream[tuple[str, int]])
assert_type(keyed.map(Amount()).sum(), DataStream[tuple[str, int]])
assert_type(keyed.sum(lambda order: order.amount), DataStream[tuple[str, int]])
assert_type(keyed.max(lambda order: order.amount), DataStream[tuple[str, int]])
assert_type(keyed.min("amount"), DataStream[tuple[str, Any]])
assert_type(keyed.mean(1), DataStream[tuple[str, Any]])

assert_type(orders.print("> "), DataStreamSink)
assert_type(orders.sink(Store(), name="store"), DataStreamSink)
assert_type(orders.sink(print), DataStreamSink)

assert_type(env.submit(), JobResult)
assert_type(env.submit(orders), JobResult)
assert_type(env.submit(keyed.print(), detach=True), JobHandle)


def of_numbers(stream: DataStream[float]) -> DataStream[str]:
    """A stream of ints is one of floats: streams are immutable, so they are covariant."""
    return stream.map(str)


of_numbers(env.from_collection([1, 2]).map(lambda number: number + 1))
