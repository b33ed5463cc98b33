"""Sum, count and maximum per key and ten seconds of event time, from Parquet files to one Arrow table.

Peers run the same as one query over all rows, single-threaded, as their documentation has it. Keys are whole numbers in
one workload and text in the other: they take different ways through every engine.
"""

import os
from functools import partial
from pathlib import Path
from typing import Any

from sage_local.bench.compete import compete
from sage_local.bench.workload import Workload, WrongResult, expect, floor, peer, ratio, sage

FILES = 4
KEYS = 1_000
PER_MS = 50
SIZE_MS = 10_000
START_MS = 1_700_000_000_000


def prepare(folder: Path, records: int, *, text_keys: bool) -> None:
    """Files that follow each other in time, and the right table."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq

    chance = np.random.default_rng(0)
    keys = chance.integers(0, KEYS, records)
    values = chance.integers(-1_000, 1_000, records)
    times = START_MS + np.arange(records) // PER_MS
    names = pa.array([f"sensor-{key}" for key in range(KEYS)])
    table = pa.table(
        {
            "ts": pa.array(times, pa.timestamp("ms", "UTC")),
            "key": names.take(pa.array(keys)) if text_keys else pa.array(keys),
            "value": pa.array(values),
        }
    )
    step = -(-records // FILES)
    for number in range(FILES):
        pq.write_table(table.slice(number * step, step), folder / f"{number}.parquet")
    windows = (times - START_MS) // SIZE_MS
    groups, at = np.unique(windows * KEYS + keys, return_inverse=True)
    most = np.full(len(groups), np.iinfo(np.int64).min)
    np.maximum.at(most, at, values)
    expected = pa.table(
        {
            "start": START_MS + groups // KEYS * SIZE_MS,
            "key": names.take(pa.array(groups % KEYS)) if text_keys else pa.array(groups % KEYS),
            "total": np.bincount(at, values).astype(np.int64),
            "n": np.bincount(at),
            "most": most,
        }
    )
    pq.write_table(_sorted(expected), folder / "expected")


def check(folder: Path, records: int, result: Any) -> None:
    """Every window of every key."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    pa.set_cpu_count(1)
    expected = pq.read_table(folder / "expected", use_threads=False)
    found = _sorted(result.select(expected.column_names).cast(expected.schema))
    expect("rows of the result", len(expected), len(found))
    if not found.equals(expected):
        row = next(row for row in range(len(expected)) if found.slice(row, 1) != expected.slice(row, 1))
        raise WrongResult(
            f"row {row}: expected {expected.slice(row, 1).to_pylist()}, found {found.slice(row, 1).to_pylist()}"
        )


def _sorted(table: Any) -> Any:
    return table.sort_by([("start", "ascending"), ("key", "ascending")]).combine_chunks()


def _files(folder: Path) -> list[str]:
    return [str(folder / f"{number}.parquet") for number in range(FILES)]


def pyarrow_group_by(folder: Path, records: int) -> Any:
    """All rows at once, by ``Table.group_by``."""
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    pa.set_cpu_count(1)
    table = pa.concat_tables([pq.read_table(path, use_threads=False) for path in _files(folder)])
    times = table["ts"].cast(pa.int64())
    start = pc.multiply(pc.divide(times, SIZE_MS), SIZE_MS)
    grouped = table.append_column("start", start).group_by(["start", "key"], use_threads=False)
    result = grouped.aggregate([("value", "sum"), ("value", "count"), ("value", "max")])
    return result.rename_columns({"value_sum": "total", "value_count": "n", "value_max": "most"})


def polars_group_by(folder: Path, records: int) -> Any:
    """A lazy query over all rows, one thread."""
    os.environ["POLARS_MAX_THREADS"] = "1"
    import polars as pl

    value = pl.col("value")
    query = (
        pl.scan_parquet(_files(folder))
        .group_by(start=pl.col("ts").dt.truncate(f"{SIZE_MS}ms"), key="key")
        .agg(total=value.sum(), n=value.count(), most=value.max())
        .with_columns(start=pl.col("start").dt.epoch("ms"))
    )
    return query.collect().to_arrow()


def duckdb_group_by(folder: Path, records: int) -> Any:
    """A query over all rows, one thread."""
    import duckdb

    connection = duckdb.connect(config={"threads": 1})
    query = (
        f"SELECT epoch_ms(ts) // {SIZE_MS} * {SIZE_MS} AS start, key, sum(value)::BIGINT AS total, count(value) AS n,"
        " max(value) AS most FROM read_parquet(?) GROUP BY ALL"
    )
    return connection.execute(query, [_files(folder)]).to_arrow_table()


def windows(folder: Path, parallelism: int) -> Any:
    """Ours."""
    import pyarrow as pa

    from sage_local import LocalEnvironment, TumblingEventTimeWindows, WatermarkStrategy

    env = LocalEnvironment("tumbling-columns", config={"parallelism": parallelism})
    times = WatermarkStrategy.for_monotonous_timestamps().with_timestamp_column("ts")
    keyed = env.from_parquet(_files(folder)).assign_timestamps_and_watermarks(times).key_by("key")
    result = (
        keyed.window(TumblingEventTimeWindows.of(SIZE_MS))
        .aggregate(total=("value", "sum"), n=("value", "count"), most=("value", "max"))
        .collect_arrow()
    )
    start = result["window_start"].cast(pa.timestamp("ms", "UTC")).cast(pa.int64())
    return result.append_column("start", start)


def _workload(name: str, title: str, *, text_keys: bool) -> Workload:
    return Workload(
        name=name,
        title=title,
        records=30_000_000,
        few=10_000,
        prepare=partial(prepare, text_keys=text_keys),
        check=check,
        contestants={
            "pyarrow": floor(pyarrow_group_by),
            "1 worker": sage(lambda folder, records: windows(folder, 1)),
            "2 workers": sage(lambda folder, records: windows(folder, 2)),
            "polars": peer(polars_group_by, "polars"),
            "duckdb": peer(duckdb_group_by, "duckdb"),
        },
        figures=(
            ratio("cpu_s", "polars", "1 worker", goal=0.5),
            ratio("seconds", "polars", "1 worker", goal=0.5),
            ratio("cpu_s", "polars", "2 workers"),
            ratio("seconds", "polars", "2 workers"),
        ),
    )


WORKLOADS = (
    _workload("tumbling_columns", "tumbling sum, count and maximum by a whole number, over Parquet", text_keys=False),
    _workload("tumbling_columns_text", "the same by a key of text", text_keys=True),
)

if __name__ == "__main__":
    compete(WORKLOADS)
