"""Parquet files: what is read of them, and where a restart goes on."""

import time
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest

from sage_local import LocalEnvironment, TumblingEventTimeWindows
from sage_local.api.columns import ColumnStream
from sage_local.errors import OperatorError
from tests.columns.programs import environment, events, in_files, timed


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


def test_the_scan_of_a_dataset_computes_columns_and_says_so(tmp_path: Path) -> None:
    """What is computed is what an operator would have computed; later filters see it, unused columns are not read."""
    table = pa.table({"id": range(10), "amount": range(10), "price": [7] * 10})
    pq.write_table(table, tmp_path / "table.parquet")
    env = environment("inline", 2)
    stream = env.from_arrow(ds.dataset(tmp_path / "table.parquet"))
    made = pc.field("amount") * pc.field("price")
    chosen = stream.filter(pc.field("amount") > 3).select("id", "price", made=made).filter(pc.field("made") > 40)
    chosen.select("made").print()
    plan = env.explain()
    assert "computes made = multiply_checked(amount, price) in the scan; filter (amount > 3) in the scan" in plan
    assert chosen.collect_arrow().to_pydict() == {"id": [6, 7, 8, 9], "price": [7] * 4, "made": [42, 49, 56, 63]}
    kept = stream.with_columns(amount=made, twice=pc.field("price") * 2).collect_arrow()
    assert kept.slice(1, 1).to_pylist() == [{"id": 1, "amount": 7, "price": 7, "twice": 14}]


def read_as(how: str, env: LocalEnvironment, path: Path) -> ColumnStream:
    if how == "parquet":
        return env.from_parquet(path / "*.parquet")
    return env.from_arrow(ds.dataset(path))


@pytest.mark.parametrize("how", ["parquet", "dataset"])
def test_filters_of_a_scan_are_blamed_by_name(tmp_path: Path, how: str) -> None:
    """What the scan does itself fails as if the operator that the program names had done it."""
    pq.write_table(pa.table({"n": [3, 0]}), tmp_path / "table.parquet")
    stream = read_as(how, environment("inline", 1), tmp_path)
    with pytest.raises(OperatorError, match=r"'ratio'.*divide by zero, in .*, where n is int64"):
        stream.filter(pc.scalar(10) / pc.field("n") > 1, name="ratio").collect_arrow()


@pytest.mark.parametrize("how", ["parquet", "dataset"])
def test_filters_of_a_scan_are_taken_one_after_the_other(tmp_path: Path, how: str) -> None:
    """The second need not be defined for what the first keeps out."""
    for part, numbers in enumerate(([0, 0], [3, 0, 20])):
        pq.write_table(pa.table({"n": numbers}), tmp_path / f"{part}.parquet")
    stream = read_as(how, environment("inline", 1), tmp_path)
    ratio = pc.scalar(10) / pc.field("n")
    chosen = stream.filter(pc.field("n") != 0).filter(ratio > 1).select("n", ratio=ratio)
    assert chosen.collect() == [{"n": 3, "ratio": 3}]


def test_a_scan_that_can_not_compute_a_column_names_it(tmp_path: Path) -> None:
    """As an operator would."""
    pq.write_table(pa.table({"amount": [2**62, 1]}), tmp_path / "table.parquet")
    stream = environment("inline", 1).from_arrow(ds.dataset(tmp_path / "table.parquet"))
    with pytest.raises(OperatorError, match=r"'quadruple'.*overflow, in multiply_checked.*, where amount is int64"):
        stream.select(four=pc.field("amount") * 4, name="quadruple").collect_arrow()


class FailOnce:
    """Raises at the batch with record ``at``, once for all processes: a file remembers.

    Slow on purpose: so checkpoints become complete before.
    """

    def __init__(self, marker: Path, at: int) -> None:
        self.marker = marker
        self.at = at

    def __call__(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        time.sleep(0.02)  # slow on purpose: a checkpoint becomes complete before it fails
        if self.at in batch["value"].to_pylist() and not self.marker.exists():
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
