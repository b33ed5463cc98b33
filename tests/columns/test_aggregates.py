"""Vectorised aggregates of each key: on every engine what duckdb, polars or plain Python make of the same records."""

from collections import defaultdict
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pyarrow.compute as pc
import pytest

from tests.columns.programs import AGGREGATES, ENGINES, environment, events, in_files


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
def test_first_and_last_are_those_that_came_first_and_last(engine: str, parallelism: int) -> None:
    stream = environment(engine, parallelism, "batch").from_arrow(events(), batch_rows=300).key_by("key")
    found = stream.aggregate(a=("value", "first"), z=("unused", "last")).collect_arrow()
    wanted = (
        pl.from_arrow(events()).group_by("key").agg(a=pl.col("value").drop_nulls().first(), z=pl.col("unused").last())
    )
    assert found.sort_by("key").to_pylist() == wanted.to_arrow().cast(found.schema).sort_by("key").to_pylist()
