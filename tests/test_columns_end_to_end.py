"""Column streams of whole programs: on every engine what polars, duckdb or plain Python make of the same records."""

import os
import signal
import time
from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple, TypedDict

import duckdb
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from sage_local import (
    Count,
    EventTimeSessionWindows,
    LocalEnvironment,
    OperatorError,
    SlidingEventTimeWindows,
    TumblingEventTimeWindows,
    WatermarkStrategy,
)

ENGINES = [("inline", 1), ("inline", 3), ("processes", 2)]
"""Starting workers with pyarrow is what takes time here."""
WINDOW_COLUMNS = ["key", "window_start", "window_end", "total", "n", "least", "most", "average"]
AGGREGATES = {
    "total": ("value", "sum"),
    "n": ("value", "count"),
    "least": ("value", "min"),
    "most": ("value", "max"),
    "average": ("value", "mean"),
}


def events(number: int = 4000) -> pa.Table:
    """Out of order by up to 40 ms, in bursts with gaps; some values are null."""
    times = [i * 3 - i * 13 % 41 + (i // 500) * 900 for i in range(number)]
    return pa.table(
        {
            "key": pa.array([None if i % 97 == 0 else f"k{i * 7 % 11}" for i in range(number)]),
            "ts": pa.array(times, pa.timestamp("ms", "UTC")),
            "value": pa.array([None if i % 13 == 5 else i % 17 - 3 for i in range(number)], pa.int32()),
            "unused": pa.array([f"text {i}" for i in range(number)]),
        }
    )


def environment(engine: str, parallelism: int, mode: str = "streaming") -> LocalEnvironment:
    settings = {"execution.engine": engine, "parallelism": parallelism, "execution.runtime-mode": mode}
    return LocalEnvironment("columns", config=settings)


def in_files(directory: Path, table: pa.Table, files: int = 1) -> str:
    """In the order of time from file to file."""
    rows = -(-len(table) // files)
    for index in range(files):
        part = table.slice(index * rows, rows)
        pq.write_table(part, directory / f"part-{index}.parquet", row_group_size=700)
    return str(directory / "*.parquet")


def timed(stream: Any) -> Any:
    strategy = WatermarkStrategy.for_bounded_out_of_orderness(45).with_timestamp_column("ts")
    return stream.assign_timestamps_and_watermarks(strategy)


def ms(instant: datetime) -> int:
    return round(instant.timestamp() * 1000)


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
def test_aggregates_per_key_are_those_of_duckdb(tmp_path: Path, engine: str, parallelism: int) -> None:
    paths = in_files(tmp_path, events(), files=3)
    stream = environment(engine, parallelism, "batch").from_parquet(paths, batch_rows=300)
    found = (
        stream.filter(pc.field("value") > 2).key_by("key").aggregate(**AGGREGATES, rows=("", "size")).collect_arrow()
    )
    found.validate(full=True)
    query = """
        select key, sum(value)::bigint total, count(value) n, min(value) least, max(value) most, avg(value) average,
        count(*) as rows from events where value > 2 group by key
    """
    wanted = duckdb.from_arrow(events()).query("events", query).to_arrow_table()
    assert found.column_names == wanted.column_names
    by_key = [("key", "ascending")]
    assert (
        found.sort_by(by_key).drop_columns("average").to_pylist()
        == wanted.sort_by(by_key).drop_columns("average").to_pylist()
    )


@pytest.mark.parametrize(("engine", "parallelism"), ENGINES)
def test_streaming_updates_end_with_the_aggregates_of_every_key(engine: str, parallelism: int) -> None:
    """After each batch come the aggregates so far of the keys in it, so the last update of a key is its result."""
    stream = environment(engine, parallelism).from_arrow(events(), batch_rows=500).key_by("key")
    updates = stream.aggregate(total=("value", "sum"), n=("value", "count")).collect()
    assert len(updates) == 8 * 12
    last = {update["key"]: (update["total"], update["n"]) for update in updates}
    groups: dict[Any, list[int]] = defaultdict(list)
    for record in events().to_pylist():
        groups[record["key"]] += [] if record["value"] is None else [record["value"]]
    assert last == {key: (sum(values), len(values)) for key, values in groups.items()}


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


@pytest.mark.parametrize(("engine", "parallelism"), ENGINES)
def test_first_and_last_are_those_that_came_first_and_last(engine: str, parallelism: int) -> None:
    stream = environment(engine, parallelism, "batch").from_arrow(events(), batch_rows=300).key_by("key")
    found = stream.aggregate(a=("value", "first"), z=("unused", "last")).collect_arrow()
    wanted = (
        pl.from_arrow(events()).group_by("key").agg(a=pl.col("value").drop_nulls().first(), z=pl.col("unused").last())
    )
    assert found.sort_by("key").to_pylist() == wanted.to_arrow().cast(found.schema).sort_by("key").to_pylist()


@pytest.mark.parametrize(("engine", "parallelism"), ENGINES)
def test_projections_are_those_of_pyarrow(engine: str, parallelism: int) -> None:
    stream = environment(engine, parallelism).from_arrow(events(), batch_rows=300)
    doubled = stream.filter(pc.field("value") > 3).with_columns(double=pc.field("value") * 2, one=1)
    found = doubled.select("key", "double", "one", other="value", half=pc.field("double") / 4.0).collect_arrow()
    found.validate(full=True)
    kept = events().filter(pc.field("value") > 3)
    assert found.column_names == ["key", "double", "one", "other", "half"]
    assert found["double"].to_pylist() == [value * 2 for value in kept["value"].to_pylist()]
    assert found["half"].to_pylist() == [value / 2 for value in kept["value"].to_pylist()]
    assert found["key"].to_pylist() == kept["key"].to_pylist()


@pytest.mark.parametrize(("engine", "parallelism"), ENGINES)
def test_functions_of_rows_see_dictionaries(engine: str, parallelism: int) -> None:
    stream = environment(engine, parallelism).from_arrow(events(), batch_rows=300)
    found = stream.filter(lambda record: record["value"] == 5).map(lambda record: record["unused"]).collect()
    assert found == events().filter(pc.field("value") == 5)["unused"].to_pylist()
    counts = dict(
        environment(engine, parallelism, "batch").from_arrow(events()).key_by("key").aggregate(Count()).collect()
    )
    assert counts == {
        row["values"]: row["counts"] for row in events()["key"].combine_chunks().value_counts().to_pylist()
    }


@dataclass(frozen=True)
class Reading:
    sensor: str
    value: float | None


class Pair(NamedTuple):
    key: str
    n: int


class Typed(TypedDict):
    key: str
    n: int


def reading(number: int) -> Reading:
    return Reading(f"s{number % 3}", None if number % 5 == 0 else number / 2)


@pytest.mark.parametrize(("engine", "parallelism"), ENGINES)
def test_annotated_records_become_columns_without_inference(engine: str, parallelism: int) -> None:
    stream = environment(engine, parallelism, "batch").from_collection(range(100)).map(reading).to_columns()
    assert stream.schema == pa.schema({"sensor": pa.string(), "value": pa.float64()})
    found = stream.key_by("sensor").aggregate(total=("value", "sum")).collect_arrow().sort_by("sensor")
    totals = [sum(n / 2 for n in range(100) if n % 3 == s and n % 5) for s in range(3)]
    assert found.to_pydict() == {"sensor": ["s0", "s1", "s2"], "total": totals}


@pytest.mark.parametrize("cls", [Pair, Typed])
def test_other_record_classes_have_schemas_too(cls: Any) -> None:
    stream = environment("inline", 1).from_collection(range(3)).map(lambda n: cls(key=str(n), n=n))
    found = stream.to_columns(cls).collect_arrow()
    assert found.schema == pa.schema({"key": pa.string(), "n": pa.int64()})
    assert found.to_pylist() == [{"key": str(n), "n": n} for n in range(3)]


def test_inferred_columns_are_widened_on_the_way() -> None:
    """What later records ask for is taken in where no value is lost by it."""
    records = [{"a": 1}, {"a": 2.5}, {"a": None, "b": "x"}]
    stream = environment("inline", 1).from_collection(records).to_columns()
    assert stream.collect_arrow().to_pylist() == [{"a": 1.0, "b": None}, {"a": 2.5, "b": None}, {"a": None, "b": "x"}]


def test_records_of_two_kinds_are_an_error_with_both_schemas() -> None:
    records = [{"a": 1}, {"a": "x"}]
    with pytest.raises(OperatorError, match=r"(?s)'columns'.*before: a int64.*now: a string"):
        environment("inline", 1).from_collection(records).to_columns().collect_arrow()


def by_polars(batch: pa.RecordBatch) -> pl.DataFrame:
    frame = pl.from_arrow(batch)
    assert isinstance(frame, pl.DataFrame)
    return frame.with_columns(square=pl.col("value").cast(pl.Int64) ** 2).select("key", "square")


def by_duckdb(batch: pa.RecordBatch) -> Any:
    return duckdb.from_arrow(pa.Table.from_batches([batch])).query(
        "batch", "select key, value * value as square from batch"
    )


def by_pyarrow(batch: pa.RecordBatch) -> pa.Table:
    return pa.table({"key": batch["key"], "square": pc.power(batch["value"], 2)})


@pytest.mark.parametrize("function", [by_polars, by_duckdb, by_pyarrow])
@pytest.mark.parametrize(("engine", "parallelism"), ENGINES)
def test_functions_of_batches_return_tables_of_any_library(engine: str, parallelism: int, function: Any) -> None:
    stream = environment(engine, parallelism).from_arrow(events(1000), batch_rows=300)
    found = stream.map_batches(function).key_by("key").map(lambda record: record["square"]).collect()
    squares = [value if value is None else value**2 for value in events(1000)["value"].to_pylist()]
    assert sorted(map(str, found)) == sorted(map(str, squares))


@pytest.mark.parametrize(("rows", "size"), [(7, 20), (50, 20), (20, 20), (1, 3)])
def test_batches_have_the_size_that_was_asked_for(rows: int, size: int) -> None:
    stream = environment("inline", 1).from_arrow(events(103), batch_rows=rows)
    sized = stream.map_batches(lambda batch: pa.record_batch({"n": [len(batch)]}), batch_size=size)
    whole, rest = divmod(103, size)
    assert [record["n"] for record in sized.collect()] == [size] * whole + [rest] * (rest > 0)


@pytest.mark.parametrize(("engine", "parallelism"), ENGINES)
def test_order_is_kept_through_parallel_operators(engine: str, parallelism: int) -> None:
    table = pa.table({"n": range(5000)})
    stream = environment(engine, parallelism).from_arrow(table, batch_rows=100)
    found = stream.filter(pc.field("n") >= 10).map_batches(lambda batch: batch)
    assert found.collect_arrow()["n"].to_pylist() == list(range(10, 5000))


def test_a_union_of_column_streams_is_one() -> None:
    env = environment("processes", 2)
    both = env.from_arrow(pa.table({"n": [1, 2]})).union(env.from_arrow(pa.table({"n": [3]})))
    assert sorted(both.collect_arrow()["n"].to_pylist()) == [1, 2, 3]


@pytest.mark.parametrize(("engine", "parallelism"), [("inline", 1), ("processes", 2)])
def test_a_fan_out_gives_every_branch_all_records(engine: str, parallelism: int, capfd: Any) -> None:
    env = environment(engine, parallelism)
    stream = env.from_arrow(pa.table({"n": [1, 2, 3]}))
    stream.filter(pc.field("n") > 2).print("many ")
    stream.filter(pc.field("n") < 2).print("few ")
    env.submit()
    assert sorted(capfd.readouterr().out.splitlines()) == ["few {'n': 1}", "many {'n': 3}"]


def test_scans_read_what_is_needed_and_say_so(tmp_path: Path) -> None:
    """Filters and projections behind ``from_parquet`` are the scan's; columns that nobody needs are not read."""
    paths = in_files(tmp_path, events())
    env = environment("inline", 2)
    stream = env.from_parquet(paths)
    stream.filter(pc.field("value") > 3).key_by("key").sum("value").print()
    plan = env.explain()
    assert "reads only key, value" in plan
    assert "filter (value > 3) in the scan" in plan
    assert "combines each batch per key before the exchange" in plan
    stream.filter(pc.field("value") > 30).select("ts").print()
    assert stream.select("key").select("key").collect_arrow().column_names == ["key"]


class FailOnce:
    """Raises at the batch with record ``at``, once for all processes: a file remembers."""

    def __init__(self, marker: Path, at: int) -> None:
        self.marker = marker
        self.at = at

    def __call__(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        time.sleep(0.02)
        if self.at in batch["value"].to_pylist() and not self.marker.exists():
            time.sleep(0.3)  # a checkpoint or two become complete before
            self.marker.touch()
            raise ValueError("not again")
        return batch


@pytest.mark.timeout(120)
def test_a_job_that_restarts_gives_every_result_once(tmp_path: Path) -> None:
    """Positions in Parquet files, vectorised state and collected batches are of one checkpoint."""
    number = 3000
    table = pa.table({"key": [n % 5 for n in range(number)], "ts": range(number), "value": range(number)})
    (tmp_path / "in").mkdir()
    paths = in_files(tmp_path / "in", table)
    settings = {
        "parallelism": 2,
        "buffer.timeout": 5,
        "checkpoint.interval": "20ms",
        "checkpoint.dir": str(tmp_path / "checkpoints"),
        "restart.strategy": "fixed-delay",
        "restart.attempts": 3,
        "restart.delay": "1ms",
    }
    stream = timed(LocalEnvironment("columns", settings).from_parquet(paths, batch_rows=50))
    checked = stream.map_batches(FailOnce(tmp_path / "failed", 2000))
    windows = checked.key_by("key").window(TumblingEventTimeWindows.of(100))
    found = windows.aggregate(total=("value", "sum"), n=("", "size")).collect_arrow().to_pylist()
    assert (tmp_path / "failed").exists()
    assert sorted((row["key"], row["window_start"], row["total"], row["n"]) for row in found) == [
        (key, start, sum(n for n in range(start, start + 100) if n % 5 == key), 20)
        for key in range(5)
        for start in range(0, number, 100)
    ]


class KeepAll:
    """Keeps every batch, and is killed with all of them, once for all processes."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker
        self.kept: list[pa.RecordBatch] = []

    def __call__(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        self.kept.append(batch)
        if len(self.kept) == 100 and not self.marker.exists():
            self.marker.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return pa.record_batch({"first": [part["n"][0].as_py() for part in self.kept[-90:]]})


@pytest.mark.timeout(120)
def test_functions_that_keep_batches_stop_nobody_and_may_be_killed_with_them(tmp_path: Path) -> None:
    """More than there is room for between two workers; what they have stays as it was."""
    batches = 400
    pq.write_table(pa.table({"n": range(1000 * batches)}), tmp_path / "in.parquet")
    settings = {
        "parallelism": 2,
        "checkpoint.interval": "20ms",
        "checkpoint.dir": str(tmp_path / "checkpoints"),
        "restart.strategy": "fixed-delay",
        "restart.attempts": 3,
        "restart.delay": "1ms",
    }
    source = LocalEnvironment("columns", settings).from_parquet(tmp_path / "in.parquet", batch_rows=1000)
    kept = source.rebalance().map_batches(KeepAll(tmp_path / "killed"), parallelism=1)
    found = kept.collect_arrow()["first"].to_pylist()
    assert (tmp_path / "killed").exists()
    assert set(found) == {1000 * batch for batch in range(batches)}
    assert found[-90:] == sorted(found[-90:])
