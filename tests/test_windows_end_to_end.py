"""Windows of whole programs: processes at any parallelism = inline = a batch evaluation of the same records."""

from collections import defaultdict
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from sage_local import (
    Count,
    DataStream,
    EventTimeSessionWindows,
    LocalEnvironment,
    Max,
    Min,
    SlidingEventTimeWindows,
    SourceFunction,
    SplitReader,
    Sum,
    TumblingEventTimeWindows,
    WatermarkStrategy,
)
from tests.event_streams import LATE, Event, EveryRecord, environment, hastily_stamped, stamped

ENGINES = [("inline", 1), ("inline", 3), ("processes", 1), ("processes", 2), ("processes", 3), ("processes", 4)]


def events(number: int = 3000) -> list[Event]:
    """Out of order by up to 40 ms, in bursts with gaps, some of them twice."""
    made = [(f"k{i * 7 % 11}", i * 3 - i * 13 % 41 + (i // 500) * 900, i % 17) for i in range(number)]
    return [event for i, event in enumerate(made) for _ in range(1 + (i % 50 == 0))]


def timed(engine: str, parallelism: int, records: list[Event]) -> DataStream[Event]:
    """So patient that nothing is late."""
    return stamped(environment(engine, parallelism), records, WatermarkStrategy.for_bounded_out_of_orderness(41))


def flat(result: tuple[str, dict[str, int]]) -> tuple[str, int, int, int, int]:
    return (result[0], *result[1].values())


AGGREGATES: dict[str, Any] = {"n": Count(), "total": Sum(2), "least": Min(2), "most": Max(2)}


def by_duckdb(query: str) -> list[tuple[Any, ...]]:
    keys, times, values = zip(*events(), strict=True)
    table = pa.table({"key": keys, "time": times, "value": values})
    return sorted(duckdb.from_arrow(table).query("events", query).fetchall())


TUMBLING = """
    select key, count(*), sum(value)::bigint, min(value), max(value) from events group by key, floor(time / 250)
"""
SLIDING = """
    select key, count(*), sum(value)::bigint, min(value), max(value)
    from events, range(-10, 200) as starts(n) where time >= n * 100 and time < n * 100 + 500 group by key, n
"""
SESSIONS = """
    with gaps as (
        select *, case when time - lag(time) over (partition by key order by time) <= 100 then 0 else 1 end as starts
        from events
    ), numbered as (select *, sum(starts) over (partition by key order by time) as session from gaps)
    select key, count(*), sum(value)::bigint, min(value), max(value) from numbered group by key, session
"""


@pytest.mark.parametrize(("engine", "parallelism"), ENGINES)
@pytest.mark.parametrize(
    ("assigner", "query"),
    [
        (TumblingEventTimeWindows.of(250), TUMBLING),
        (SlidingEventTimeWindows.of(500, 100), SLIDING),
        (EventTimeSessionWindows.with_gap(100), SESSIONS),
    ],
)
def test_windows_are_what_a_database_computes(engine: str, parallelism: int, assigner: Any, query: str) -> None:
    windows = timed(engine, parallelism, events()).key_by(lambda event: event[0]).window(assigner)
    assert sorted(windows.aggregate(**AGGREGATES).map(flat).collect()) == by_duckdb(query)


@pytest.mark.parametrize(("engine", "parallelism"), ENGINES[1:4])
@pytest.mark.parametrize(
    ("assigner", "query"),
    [(TumblingEventTimeWindows.of(250), TUMBLING), (SlidingEventTimeWindows.of(500, 100), SLIDING)],
)
def test_windows_behind_operators_that_share_the_stream_are_the_same(
    engine: str, parallelism: int, assigner: Any, query: str
) -> None:
    shared = timed(engine, parallelism, events()).flat_map(lambda event: [event])
    windows = shared.key_by(lambda event: event[0]).window(assigner)
    assert sorted(windows.aggregate(**AGGREGATES).map(flat).collect()) == by_duckdb(query)


@pytest.mark.parametrize(("engine", "parallelism"), ENGINES)
def test_what_is_late_does_not_depend_on_the_parallelism(engine: str, parallelism: int) -> None:
    def fired_and_late(engine: str, parallelism: int) -> tuple[list[Any], list[Event]]:
        stream = hastily_stamped(engine, parallelism, events(800)).key_by(lambda event: event[0])
        windows = stream.window(TumblingEventTimeWindows.of(50)).allowed_lateness(15).side_output_late_data(LATE)
        counts = windows.count()
        both: list[Any] = counts.union(counts.side_output(LATE)).collect()
        return sorted(each for each in both if len(each) == 2), sorted(each for each in both if len(each) == 3)

    fired, late = fired_and_late("inline", 1)
    assert len(late) >= 3
    assert fired_and_late(engine, parallelism) == (fired, late)


@pytest.mark.parametrize(("engine", "parallelism"), ENGINES)
def test_windows_behind_windows(engine: str, parallelism: int) -> None:
    per_key = (
        timed(engine, parallelism, events()).key_by(lambda event: event[0]).window(TumblingEventTimeWindows.of(100))
    )
    total = per_key.count().window_all(TumblingEventTimeWindows.of(1000)).sum(1)
    expected: dict[int, int] = defaultdict(int)
    for _, time, _ in events():
        expected[time // 1000] += 1
    assert sorted(total.collect()) == sorted(expected.values())


@pytest.mark.parametrize(("engine", "parallelism"), ENGINES)
def test_count_windows(engine: str, parallelism: int) -> None:
    stream = timed(engine, parallelism, events()).key_by(lambda event: event[0]).count_window(10, 5)
    values: dict[str, list[int]] = defaultdict(list)
    expected = []
    for key, _, value in events():
        values[key].append(value)
        if len(values[key]) % 5 == 0:
            expected.append((key, sum(values[key][-10:])))
    assert sorted(stream.sum(2).collect()) == sorted(expected)


class Splits(SourceFunction[Event]):
    """Each split starts anew in time, so what comes last is oldest."""

    def __init__(self, records: list[list[Event]]) -> None:
        self.records = records

    def splits(self) -> list[int]:
        return list(range(len(self.records)))

    def open_split(self, split: Any, position: Any = None) -> SplitReader[Event]:
        return _Reader(self.records[split])


class _Reader:
    def __init__(self, records: list[Event]) -> None:
        self._records = records
        self._position = 0

    def poll(self, max_records: int, /) -> list[Event] | None:
        if self._position >= len(self._records):
            return None
        taken = self._records[self._position : self._position + max_records]
        self._position += len(taken)
        return taken

    def snapshot(self) -> int:
        return self._position

    def close(self) -> None: ...


@pytest.mark.parametrize(("engine", "parallelism"), ENGINES)
@pytest.mark.parametrize("parsed_before", [False, True])
@pytest.mark.parametrize("splits", [2, 5])
def test_nothing_is_late_because_splits_are_read_one_after_another(
    engine: str, parallelism: int, parsed_before: bool, splits: int
) -> None:
    """Nor because there are more subtasks than splits."""
    records = [events(200)] * splits + [[]]
    stream: DataStream[Event] = environment(engine, parallelism).from_source(Splits(records))
    if parsed_before:
        stream = stream.map(lambda event: event)
    strategy: WatermarkStrategy[Event] = WatermarkStrategy.for_bounded_out_of_orderness(41)
    stream = stream.assign_timestamps_and_watermarks(strategy.with_timestamp_assigner(1))
    counts = stream.key_by(lambda event: event[0]).window(TumblingEventTimeWindows.of(100)).count()
    expected: dict[tuple[str, int], int] = defaultdict(int)
    for key, time, _ in events(200):
        expected[key, time // 100] += splits
    assert sorted(counts.collect()) == sorted((key, number) for (key, _), number in expected.items())


LATECOMERS: list[Event] = [("a", 0, 1), ("a", 30_000, 1), ("a", 5_000, 1), ("b", 6_000, 1), ("a", 31_000, 1)]


def latecomers(engine: str, parallelism: int) -> tuple[LocalEnvironment, DataStream[Event]]:
    env = environment(engine, parallelism)
    return env, stamped(env, LATECOMERS, WatermarkStrategy.for_generator(EveryRecord))


@pytest.mark.parametrize(("engine", "parallelism"), ENGINES[:4])
@pytest.mark.parametrize("lateness", ["0s", "1s"])
@pytest.mark.parametrize(
    "assigner", [TumblingEventTimeWindows.of("10s"), EventTimeSessionWindows.with_gap("10s")], ids=["panes", "sessions"]
)
def test_late_records_that_nobody_takes_are_counted(
    engine: str, parallelism: int, lateness: str, assigner: Any
) -> None:
    env, stream = latecomers(engine, parallelism)
    windows = stream.key_by(lambda event: event[0]).window(assigner).allowed_lateness(lateness)
    windows.count(name="counts").sink(lambda _: None)
    # Where there is a combiner, it is what takes the records.
    taking, *_, counting = [each for each in env.submit().operators if each.name.startswith("counts")] * 2
    assert (taking.records_in, counting.records_late) == (5, 2)


def test_late_records_that_a_side_output_takes_are_not_lost() -> None:
    env, stream = latecomers("processes", 2)
    windows = stream.key_by(lambda event: event[0]).window(TumblingEventTimeWindows.of("10s"))
    counts = windows.side_output_late_data(LATE).count(name="counts")
    counts.sink(lambda _: None)
    counts.side_output(LATE).sink(lambda _: None, name="late")
    operators = {each.name: each for each in env.submit().operators}
    assert (operators["counts"].records_late, operators["late"].records_in) == (0, 2)
