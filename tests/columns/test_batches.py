"""What is done with whole batches, in which order they come, and who may keep them."""

import os
import signal
from pathlib import Path
from typing import Any

import duckdb
import nanoarrow as na
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from sage_local import LocalEnvironment, OperatorError, SinkFunction
from sage_local.errors import FunctionError
from tests.columns.programs import ENGINES, environment, events


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


def by_polars(batch: pa.RecordBatch) -> pl.DataFrame:
    frame = pl.from_arrow(batch)
    assert isinstance(frame, pl.DataFrame)
    return frame.with_columns(square=pl.col("value").cast(pl.Int64) ** 2).select("key", "square")


def by_duckdb(batch: pa.RecordBatch) -> Any:
    return duckdb.from_arrow(pa.Table.from_batches([batch])).query(
        "batch", "select key, value * value as square from batch"
    )


def by_nanoarrow(batch: pa.RecordBatch) -> Any:
    squares = [None if value is None else value**2 for value in na.Array(batch["value"]).iter_py()]
    columns = [na.c_array(batch["key"]), na.c_array(squares, na.int64())]
    schema = na.struct({"key": columns[0].schema, "square": na.int64()})
    return na.c_array_from_buffers(schema, len(batch), [None], children=columns)


def by_pyarrow(batch: pa.RecordBatch) -> pa.Table:
    return pa.table({"key": batch["key"], "square": pc.power(batch["value"], 2)})


@pytest.mark.parametrize("function", [by_polars, by_duckdb, by_nanoarrow, by_pyarrow])
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


@pytest.mark.parametrize(("engine", "parallelism"), ENGINES)
def test_a_union_is_widened_to_one_schema(engine: str, parallelism: int) -> None:
    env = environment(engine, parallelism)
    whole, half = env.from_arrow(pa.table({"n": [1], "t": ["a"]})), env.from_arrow(pa.table({"n": [2.5]}))
    both = whole.union(half)
    assert both.schema.equals(pa.schema([("n", pa.float64()), ("t", pa.string())]))
    found = both.filter(pc.field("t").is_null() | (pc.field("t") == "a")).collect()
    assert sorted(found, key=lambda record: record["n"]) == [{"n": 1.0, "t": "a"}, {"n": 2.5, "t": None}]


def test_a_value_that_a_union_would_lose_is_an_error() -> None:
    env = environment("inline", 1)
    both = env.from_arrow(pa.table({"n": [2**60 + 1]})).union(env.from_arrow(pa.table({"n": [2.5]})))
    with pytest.raises(OperatorError, match=r"'union'.*Integer value 1152921504606846977.*where n is int64"):
        both.collect()


@pytest.mark.parametrize(("engine", "parallelism"), [("inline", 1), ("processes", 2)])
def test_a_fan_out_gives_every_branch_all_records(engine: str, parallelism: int, capfd: Any) -> None:
    env = environment(engine, parallelism)
    stream = env.from_arrow(pa.table({"n": [1, 2, 3]}))
    stream.filter(pc.field("n") > 2).print("many ")
    stream.filter(pc.field("n") < 2).print("few ")
    env.submit()
    assert sorted(capfd.readouterr().out.splitlines()) == ["few {'n': 1}", "many {'n': 3}"]


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


class Lengths(SinkFunction[Any]):
    """Takes batches and nothing else."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def write_batch(self, batch: pa.RecordBatch) -> None:
        with open(self.directory / "lengths", "a") as file:
            file.write(f"{len(batch)}\n")


@pytest.mark.parametrize(("engine", "parallelism"), ENGINES)
def test_a_sink_of_batches_needs_no_way_to_take_records(engine: str, parallelism: int, tmp_path: Path) -> None:
    env = environment(engine, parallelism)
    env.from_arrow(events(700), batch_rows=300).sink(Lengths(tmp_path), parallelism=1)
    env.submit()
    assert (tmp_path / "lengths").read_text().split() == ["300", "300", "100"]


def test_a_sink_of_batches_is_refused_where_records_come(tmp_path: Path) -> None:
    with pytest.raises(FunctionError, match=r"Lengths given to sink\(\) overrides neither write\(\) nor invoke\(\)"):
        environment("inline", 1).from_collection([1]).sink(Lengths(tmp_path))
