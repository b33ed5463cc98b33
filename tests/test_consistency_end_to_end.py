"""What is consistent going in is consistent at every output; days of a time zone are its own."""

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from sage_local import LocalEnvironment, SlidingEventTimeWindows, TumblingEventTimeWindows, WatermarkStrategy

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


@pytest.mark.parametrize(("engine", "parallelism"), ENGINES)
@pytest.mark.parametrize(
    "assigner", [TumblingEventTimeWindows.of(100), SlidingEventTimeWindows.of(300, 100)], ids=["tumbling", "sliding"]
)
def test_the_sum_of_all_balances_is_nought_at_every_output(
    engine: str, parallelism: int, assigner: TumblingEventTimeWindows | SlidingEventTimeWindows
) -> None:
    """Double entry: each transfer is taken from one account and given to another, which live on different workers."""
    env = LocalEnvironment("bank", config={"execution.engine": engine, "parallelism": parallelism})
    strategy: WatermarkStrategy[Transfer] = WatermarkStrategy.for_bounded_out_of_orderness(30)
    stamped = env.from_collection(transfers(2000)).assign_timestamps_and_watermarks(strategy.with_timestamp_assigner(0))
    balances = stamped.flat_map(entries).key_by(lambda entry: entry[1]).window(assigner).sum(2)
    sums = balances.window_all(TumblingEventTimeWindows.of(100)).sum(1).collect()
    assert len(sums) >= 140
    assert set(sums) == {0}


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
