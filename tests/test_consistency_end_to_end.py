"""What is consistent going in is consistent at every output; days of a time zone are its own."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest

from sage_local import (
    DataStream,
    FunctionContext,
    KeyedProcessContext,
    KeyedProcessFunction,
    KeyedStream,
    LocalEnvironment,
    MapStateDescriptor,
    SlidingEventTimeWindows,
    TimerContext,
    TumblingEventTimeWindows,
    ValueStateDescriptor,
    WatermarkStrategy,
)

ENGINES = [("inline", 1), ("inline", 3), ("processes", 2), ("processes", 3)]

Transfer = tuple[int, str, str, int]  # time, from, to, amount
Entry = tuple[int, str, int]  # time, account, amount


def transfers(number: int) -> list[Transfer]:
    return [
        (i * 7 + i * 13 % 29, f"account {i * 5 % 17}", f"account {i * 11 % 19}", i * 31 % 97) for i in range(number)
    ]


def entries(transfer: Transfer) -> Iterator[Entry]:
    time, source, target, amount = transfer
    yield time, source, -amount
    yield time, target, amount


def stamped(engine: str, parallelism: int) -> DataStream[Transfer]:
    env = LocalEnvironment("bank", config={"execution.engine": engine, "parallelism": parallelism})
    strategy: WatermarkStrategy[Transfer] = WatermarkStrategy.for_bounded_out_of_orderness(30)
    return env.from_collection(transfers(2000)).assign_timestamps_and_watermarks(strategy.with_timestamp_assigner(0))


SLIDING = SlidingEventTimeWindows.of(300, 100)
PATHS: dict[str, Callable[[KeyedStream[Entry, str]], DataStream[tuple[str, int]]]] = {
    "tumbling": lambda accounts: accounts.window(TumblingEventTimeWindows.of(100)).sum(2),
    "sliding": lambda accounts: accounts.window(SLIDING).sum(lambda entry: entry[2]),
    "kept for late ones": lambda accounts: accounts.window(SLIDING).allowed_lateness(50).sum(lambda entry: entry[2]),
    "records": lambda accounts: accounts.window(SLIDING).apply(
        lambda account, window, kept: [(account, sum(entry[2] for entry in kept))]
    ),
    "balances so far": lambda accounts: accounts.process(Statements()),
}


class Statements(KeyedProcessFunction[str, Entry, tuple[str, int]]):
    """The balance of an account at the end of every 100 ms, from its first entry on."""

    def open(self, context: FunctionContext, /) -> None:
        self.later = context.state(MapStateDescriptor[int, int]("later"))
        self.balance = context.state(ValueStateDescriptor("balance", 0))

    def process(self, value: Entry, ctx: KeyedProcessContext[str], /) -> None:
        time, _, amount = value
        at = time // 100 * 100 + 99
        self.later.put(at, self.later.get(at, 0) + amount)
        ctx.timers.register_event_time_timer(at)
        # At the end of input no timer is called that is later than those there are.
        ctx.timers.register_event_time_timer(LAST_STATEMENT)

    def on_timer(self, timestamp: int, ctx: TimerContext[str], /) -> Iterator[tuple[str, int]]:
        self.balance.update(self.balance.value() + (self.later.get(timestamp) or 0))
        if timestamp < LAST_STATEMENT:
            ctx.timers.register_event_time_timer(timestamp + 100)
        yield ctx.key, self.balance.value()


LAST_STATEMENT = 14_099
"""Behind all transfers."""


@pytest.mark.parametrize(("engine", "parallelism"), ENGINES)
@pytest.mark.parametrize("path", PATHS)
def test_the_sum_of_all_balances_is_nought_at_every_output(engine: str, parallelism: int, path: str) -> None:
    """Double entry: each transfer is taken from one account and given to another, which live on different workers."""
    balances = PATHS[path](stamped(engine, parallelism).flat_map(entries).key_by(lambda entry: entry[1]))
    sums = balances.window_all(TumblingEventTimeWindows.of(100)).sum(1).collect()
    assert len(sums) >= 140
    assert set(sums) == {0}


@pytest.mark.parametrize(("engine", "parallelism"), ENGINES)
@pytest.mark.parametrize("assigner", [TumblingEventTimeWindows.of(100), SLIDING], ids=["tumbling", "sliding"])
def test_the_sum_of_all_balances_is_nought_in_every_window_of_columns(
    engine: str, parallelism: int, assigner: TumblingEventTimeWindows | SlidingEventTimeWindows
) -> None:
    schema = pa.schema({"time": pa.int64(), "account": pa.string(), "amount": pa.int64()})
    rows = stamped(engine, parallelism).flat_map(entries).map(lambda entry: dict(zip(schema.names, entry, strict=True)))
    strategy = WatermarkStrategy.for_bounded_out_of_orderness(30).with_timestamp_column("time")
    columns = rows.to_columns(schema).assign_timestamps_and_watermarks(strategy)
    sums: dict[int, int] = defaultdict(int)
    for row in columns.key_by("account").window(assigner).aggregate(balance=("amount", "sum")).collect():
        sums[row["window_start"]] += row["balance"]
    assert len(sums) >= 140
    assert set(sums.values()) == {0}


ZONE = "Europe/Berlin"
HOURS = [int(datetime(2024, 3, 29, tzinfo=UTC).timestamp() * 1000) + hour * 3_600_000 for hour in range(24 * 5)]
"""Five days, one of which has 23 hours there."""


@pytest.mark.parametrize(("engine", "parallelism"), ENGINES)
def test_days_are_those_of_the_time_zone(engine: str, parallelism: int) -> None:
    env = LocalEnvironment("days", config={"execution.engine": engine, "parallelism": parallelism})
    strategy: WatermarkStrategy[int] = WatermarkStrategy.for_monotonous_timestamps()
    stamped = env.from_collection(HOURS).assign_timestamps_and_watermarks(
        strategy.with_timestamp_assigner(lambda time: time)
    )
    days = stamped.key_by(lambda time: time // 3_600_000 % 2).window(TumblingEventTimeWindows.of("1d", time_zone=ZONE))
    expected = Counter(
        (time // 3_600_000 % 2, datetime.fromtimestamp(time / 1000, ZoneInfo(ZONE)).date()) for time in HOURS
    )
    counted = days.apply(lambda key, window, times: [(key, window.start, len(times))]).collect()
    assert {
        (key, datetime.fromtimestamp(start / 1000, ZoneInfo(ZONE)).date()): number for key, start, number in counted
    } == expected
    assert {datetime.fromtimestamp(start / 1000, ZoneInfo(ZONE)).hour for _, start, _ in counted} == {0}
