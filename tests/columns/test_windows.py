"""Vectorised windows: on every engine what plain Python makes of the same records."""

from collections import defaultdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from sage_local import (
    EventTimeSessionWindows,
    SlidingEventTimeWindows,
    TumblingEventTimeWindows,
)
from tests.columns.programs import AGGREGATES, ENGINES, environment, events, in_files, ms, timed

WINDOW_COLUMNS = ["key", "window_start", "window_end", "total", "n", "least", "most", "average"]


def folded(records: list[dict[str, Any]]) -> tuple[Any, ...]:
    values = [record["value"] for record in records if record["value"] is not None]
    if not values:
        return None, 0, None, None, None
    return sum(values), len(values), min(values), max(values), sum(values) / len(values)


def sorted_rows(table: pa.Table) -> list[tuple[Any, ...]]:
    """With times as numbers, and ``None`` before every key."""
    table.validate(full=True)
    assert table.column_names == WINDOW_COLUMNS
    return sorted(
        (
            (row["key"], ms(row["window_start"]), ms(row["window_end"]), *list(row.values())[3:])
            for row in table.to_pylist()
        ),
        key=lambda row: (row[0] is not None, row[0] or "", row[1:3]),
    )


def same(found: list[tuple[Any, ...]], expected: list[tuple[Any, ...]]) -> None:
    assert [row[:-1] for row in found] == [row[:-1] for row in expected]
    assert [row[-1] for row in found] == pytest.approx([row[-1] for row in expected])


def expected(windows: Any) -> list[tuple[Any, ...]]:
    groups: dict[tuple[Any, int, int], list[dict[str, Any]]] = defaultdict(list)
    for record in events().to_pylist():
        for start, end in windows(ms(record["ts"])):
            groups[record["key"], start, end].append(record)
    order = sorted(groups, key=lambda group: (group[0] is not None, group[0] or "", group[1:]))
    return [(*group, *folded(groups[group])) for group in order]


@pytest.mark.parametrize(("engine", "parallelism"), ENGINES)
def test_tumbling_windows_are_those_of_plain_python(tmp_path: Path, engine: str, parallelism: int) -> None:
    stream = environment(engine, parallelism).from_parquet(in_files(tmp_path, events()), batch_rows=300)
    windows = timed(stream).key_by("key").window(TumblingEventTimeWindows.of(250))
    same(
        sorted_rows(windows.aggregate(**AGGREGATES).collect_arrow()),
        expected(lambda time: [(time // 250 * 250, time // 250 * 250 + 250)]),
    )


@pytest.mark.parametrize(("engine", "parallelism"), ENGINES)
def test_sliding_windows_are_those_of_plain_python(engine: str, parallelism: int) -> None:
    stream = environment(engine, parallelism).from_arrow(events(), batch_rows=300)
    windows = timed(stream).key_by("key").window(SlidingEventTimeWindows.of(500, 200))

    def around(time: int) -> list[tuple[int, int]]:
        return [(start, start + 500) for start in range(time // 200 * 200, time - 500, -200)]

    same(sorted_rows(windows.aggregate(**AGGREGATES).collect_arrow()), expected(around))


@pytest.mark.parametrize(("engine", "parallelism"), ENGINES)
def test_sessions_are_those_of_rows(engine: str, parallelism: int) -> None:
    env = environment(engine, parallelism)
    windows = timed(env.from_arrow(events(), batch_rows=300)).key_by("key").window(EventTimeSessionWindows.with_gap(60))
    found = windows.aggregate(total=("value", "sum"), n=("", "size")).collect_arrow()
    found.validate(full=True)
    sessions: dict[tuple[Any, int, int], tuple[int, int]] = {}
    records = sorted(events().to_pylist(), key=lambda record: (str(record["key"]), record["ts"]))
    at_hand: list[dict[str, Any]] = []

    def close() -> None:
        values = [record["value"] for record in at_hand if record["value"] is not None]
        group = at_hand[0]["key"], ms(at_hand[0]["ts"]), ms(at_hand[-1]["ts"]) + 60
        sessions[group] = (sum(values) if values else None, len(at_hand))

    for record in records:
        if at_hand and (record["key"] != at_hand[-1]["key"] or ms(record["ts"]) - ms(at_hand[-1]["ts"]) > 60):
            close()
            at_hand = []
        at_hand.append(record)
    close()
    assert {
        (row["key"], ms(row["window_start"]), ms(row["window_end"])): (row["total"], row["n"])
        for row in found.to_pylist()
    } == sessions


@pytest.mark.parametrize(("engine", "parallelism"), ENGINES)
def test_windows_of_all_records(engine: str, parallelism: int) -> None:
    stream = timed(environment(engine, parallelism).from_arrow(events(), batch_rows=300))
    for windows in (TumblingEventTimeWindows.of(1000), SlidingEventTimeWindows.of(1000, 500)):
        found = stream.window_all(windows).aggregate(n=("", "size")).collect_arrow().to_pylist()
        counts: dict[int, int] = defaultdict(int)
        for record in events().to_pylist():
            for window in windows.assign(None, ms(record["ts"])):
                counts[window.start] += 1
        assert {ms(row["window_start"]): row["n"] for row in found} == counts


def test_sessions_of_all_records() -> None:
    found = timed(environment("inline", 1).from_arrow(events(), batch_rows=100)).window_all(
        EventTimeSessionWindows.with_gap(500)
    )
    assert [row["n"] for row in found.aggregate(n=("", "size")).collect()] == [500] * 8


def test_windows_on_a_local_clock() -> None:
    """A window of a day in Berlin is a calendar day there, also where the clocks change."""
    hours = pa.table(
        {
            "ts": pa.array(
                [datetime(2026, 3, 28, tzinfo=UTC).timestamp() * 1000 + 3_600_000 * h for h in range(72)]
            ).cast(pa.int64())
        }
    )
    windows = TumblingEventTimeWindows.of("24h", time_zone="Europe/Berlin")
    stream = timed(environment("inline", 1).from_arrow(hours, batch_rows=10)).window_all(windows)
    found = stream.aggregate(n=("", "size")).collect()
    counts: dict[int, int] = defaultdict(int)
    for instant in hours["ts"].to_pylist():
        counts[windows.assign(None, instant)[0].start] += 1
    assert {row["window_start"]: row["n"] for row in found} == counts
    assert 23 in counts.values()


@pytest.mark.parametrize("assigner", [TumblingEventTimeWindows.of(10), EventTimeSessionWindows.with_gap(10)])
@pytest.mark.parametrize("parallelism", [1, 2])
def test_records_that_come_too_late_are_counted_each(assigner: Any, parallelism: int) -> None:
    """Though they were combined batch by batch before they are known to be late."""
    times = [1000] * 100 + [5000] * 100 + [1000] * 70 + [1001] * 30
    table = pa.table({"key": ["k"] * 300, "ts": times, "value": range(300)})
    env = environment("inline", parallelism)
    stream = timed(env.from_arrow(table, batch_rows=100))
    stream.key_by("key").window(assigner).sum("value").sink(lambda record: None)
    late = {operator.name: operator.records_late for operator in env.submit().operators}
    assert late["sum"] == 100
