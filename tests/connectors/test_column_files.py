"""Column files: what is read from them and written to them."""

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pv
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest

from sage_local.connectors.arrow import arrow_source
from sage_local.connectors.file_sink import FileSink
from sage_local.connectors.parquet import ParquetSource
from sage_local.connectors.text_columns import CsvColumnsSource, JsonColumnsSource
from sage_local.errors import SourceError
from sage_local.functions.context import FunctionContext
from sage_local.functions.pushed import PushedFilter


def read(source: Any, *, stop: int | None = None) -> tuple[list[pa.RecordBatch], list[tuple[Any, Any]]]:
    """The batches of all splits, and for each split its reader's last position."""
    batches, positions = [], []
    for split in source.splits():
        reader = source.open_split(split)
        while (batch := reader.poll(1)) is not None and (stop is None or len(batches) < stop):
            batches.append(batch)
        positions.append((split, reader.snapshot()))
        reader.close()
    return batches, positions


def table(source: Any) -> pa.Table:
    found = pa.Table.from_batches(read(source)[0], source.schema)
    found.validate(full=True)
    return found


def where(expression: pc.Expression) -> tuple[PushedFilter, ...]:
    return (PushedFilter("filter", expression),)


NUMBERS = pa.table({"n": range(1000), "s": [f"s{n}" for n in range(1000)]})


@pytest.fixture
def numbers(tmp_path: Path) -> str:
    pq.write_table(NUMBERS, tmp_path / "numbers.parquet", row_group_size=300)
    return str(tmp_path / "numbers.parquet")


def test_a_file_is_read_whole(numbers: str) -> None:
    assert table(ParquetSource(numbers, batch_rows=70)) == NUMBERS


@pytest.mark.parametrize("read_before", range(1, 17))
def test_reading_goes_on_behind_any_batch(numbers: str, read_before: int) -> None:
    source = ParquetSource(numbers, batch_rows=70, filters=where(pc.bit_wise_and(pc.field("n"), 1) == 0))
    (split,) = source.splits()
    first = source.open_split(split)
    before = [first.poll(1) for _ in range(read_before)]
    second = source.open_split(split, first.snapshot())
    after = []
    while (batch := second.poll(1)) is not None:
        after.append(batch)
    assert pa.Table.from_batches(before + after) == table(source)


def test_row_groups_that_statistics_rule_out_are_not_read(numbers: str) -> None:
    (split,) = ParquetSource(numbers, filters=where(pc.field("n") >= 650)).splits()
    assert split.row_groups == (2, 3)
    assert table(ParquetSource(numbers, filters=where(pc.field("n") >= 650)))["n"].to_pylist() == list(range(650, 1000))


def test_only_the_columns_asked_for_are_emitted_though_the_filter_needs_others(numbers: str) -> None:
    found = table(ParquetSource(numbers, columns=("s",), filters=where(pc.field("n") < 2)))
    assert found.to_pydict() == {"s": ["s0", "s1"]}


def test_files_of_different_schemas_are_widened_to_one(tmp_path: Path) -> None:
    """A column that a file has not is null there; numbers become the wider kind; zones become that of the first."""
    instant = datetime(2026, 1, 1, 12, tzinfo=UTC)
    pq.write_table(
        pa.table({"a": pa.array([1], pa.int32()), "t": pa.array([instant], pa.timestamp("us", "UTC"))}),
        tmp_path / "1.parquet",
    )
    berlin = pa.array([instant], pa.timestamp("us", "Europe/Berlin"))
    pq.write_table(pa.table({"a": pa.array([2.5]), "b": ["x"], "t": berlin}), tmp_path / "2.parquet")
    found = table(ParquetSource(str(tmp_path / "*.parquet")))
    assert found.schema == pa.schema({"a": pa.float64(), "t": pa.timestamp("us", "UTC"), "b": pa.string()})
    assert found.to_pylist() == [{"a": 1.0, "t": instant, "b": None}, {"a": 2.5, "t": instant, "b": "x"}]


@pytest.mark.parametrize("other", [pa.array(["x"]), pa.array([datetime(2026, 1, 1)], pa.timestamp("us"))])
def test_files_whose_schemas_do_not_fit_are_an_error_with_both(tmp_path: Path, other: pa.Array) -> None:
    pq.write_table(pa.table({"a": pa.array([datetime(2026, 1, 1)], pa.timestamp("us", "UTC"))}), tmp_path / "1.parquet")
    pq.write_table(pa.table({"a": other}), tmp_path / "2.parquet")
    with pytest.raises(SourceError, match=r"(?s)1\.parquet and .*2\.parquet do not fit.*tz=UTC.*2\.parquet: a "):
        ParquetSource(str(tmp_path / "*.parquet")).splits()


@pytest.mark.parametrize("content", [b"", b"PAR1", b"PAR1 no parquet at all PAR1", b"x" * 100])
def test_a_file_that_is_no_parquet_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "bad.parquet").write_bytes(content)
    with pytest.raises(SourceError, match=r"can not read .*bad\.parquet as Parquet: "):
        ParquetSource(str(tmp_path / "bad.parquet")).splits()


def test_a_file_that_is_damaged_after_its_schema_was_read_is_named(numbers: str) -> None:
    source = ParquetSource(numbers)
    assert source.schema == NUMBERS.schema
    os.truncate(numbers, 100)
    with pytest.raises(SourceError, match=r"can not read .*numbers\.parquet as Parquet: "):
        source.splits()


def test_a_damaged_row_group_is_named(numbers: str) -> None:
    path = Path(numbers)
    data = bytearray(path.read_bytes())
    data[40:400] = b"\xff" * 360
    path.write_bytes(data)
    with pytest.raises(SourceError, match=r"can not read row group 0 of .*numbers\.parquet: "):
        table(ParquetSource(numbers))


def test_a_file_without_records_has_a_schema(tmp_path: Path) -> None:
    pq.write_table(NUMBERS.slice(0, 0), tmp_path / "empty.parquet")
    assert table(ParquetSource(str(tmp_path / "empty.parquet"))) == NUMBERS.slice(0, 0)


def test_two_columns_of_one_name_are_refused(tmp_path: Path) -> None:
    twice = pa.Table.from_arrays([pa.array([1]), pa.array([2])], ["a", "a"])
    pq.write_table(twice, tmp_path / "twice.parquet")
    with pytest.raises(
        SourceError, match=r"twice\.parquet: expected columns of different names, found more than one a"
    ):
        ParquetSource(str(tmp_path / "twice.parquet")).splits()
    with pytest.raises(SourceError, match="found more than one a"):
        arrow_source(twice)


@pytest.mark.parametrize("how", ["table", "batch", "batches", "reader", "polars", "duckdb", "generator"])
def test_arrow_data_of_any_kind_is_read(how: str) -> None:
    import duckdb
    import polars as pl

    given: dict[str, Any] = {
        "table": NUMBERS,
        "batch": NUMBERS.to_batches()[0],
        "batches": NUMBERS.to_batches(max_chunksize=100),
        "reader": NUMBERS.to_reader(),
        "polars": pl.from_arrow(NUMBERS),
        "duckdb": duckdb.from_arrow(NUMBERS),
        "generator": (batch for batch in NUMBERS.to_batches(max_chunksize=300)),
    }
    found = table(arrow_source(given[how], batch_rows=70))
    assert found.to_pylist() == NUMBERS.to_pylist()


def test_a_dataset_is_read_by_fragments(tmp_path: Path) -> None:
    for index in range(3):
        pq.write_table(NUMBERS.slice(index * 300, 300), tmp_path / f"{index}.parquet")
    source = arrow_source(ds.dataset(tmp_path)).filtering(*where(pc.field("s") == "s450")).reading(["n"])
    assert table(source).to_pydict() == {"n": [450]}


@pytest.mark.parametrize("given", [1, "text", None, {"a": [1]}, [1, 2], []])
def test_what_is_no_arrow_data_is_refused(given: Any) -> None:
    with pytest.raises(SourceError, match=r"from_arrow\(\) takes "):
        arrow_source(given)


def test_csv_columns_have_the_types_they_are_seen_to_have(tmp_path: Path) -> None:
    (tmp_path / "1.csv").write_text('a,b\n1,x\n2,"y\nz"\n')
    (tmp_path / "2.csv").write_text("a,b,c\n2.5,,true\n")
    found = table(CsvColumnsSource(str(tmp_path / "*.csv")))
    assert found.to_pylist() == [
        {"a": 1.0, "b": "x", "c": None},
        {"a": 2.0, "b": "y\nz", "c": None},
        {"a": 2.5, "b": None, "c": True},
    ]


def test_csv_columns_of_a_schema(tmp_path: Path) -> None:
    (tmp_path / "1.csv").write_text("a;b\n1;2\n")
    schema = pa.schema({"a": pa.string(), "b": pa.decimal128(5, 2)})
    assert table(CsvColumnsSource(str(tmp_path / "1.csv"), schema, delimiter=";")).schema == schema


@pytest.mark.parametrize("text", ["a\n1\nx\n", "a,b\n1,2\n3\n"])
def test_csv_that_is_not_as_its_schema_is_said_with_its_file(tmp_path: Path, text: str) -> None:
    (tmp_path / "1.csv").write_text(text)
    with pytest.raises(SourceError, match=r"1\.csv: .*CSV"):
        table(CsvColumnsSource(str(tmp_path / "1.csv"), pa.schema({"a": pa.int64()})))


def test_json_columns(tmp_path: Path) -> None:
    (tmp_path / "1.jsonl").write_text('{"a": 1, "l": [1, 2]}\n\n{"a": 2, "s": {"x": "y"}}\n')
    found = table(JsonColumnsSource(str(tmp_path / "1.jsonl")))
    assert found.to_pylist() == [{"a": 1, "l": [1, 2], "s": None}, {"a": 2, "l": None, "s": {"x": "y"}}]
    (tmp_path / "2.jsonl").write_text("no json\n")
    with pytest.raises(SourceError, match=r"2\.jsonl: .*JSON"):
        table(JsonColumnsSource(str(tmp_path / "2.jsonl")))


def written(directory: Path, kind: str, batches: list[pa.RecordBatch], **options: Any) -> list[Path]:
    sink = FileSink(directory, kind, **options)
    sink.open(FunctionContext(job_name="j", operator_name="sink", subtask_index=0, parallelism=1))
    try:
        sink.recover(None)
        for batch in batches:
            sink.write_batch(batch)
        sink.end()
        handle = sink.prepare(1)
        if handle is not None:
            sink.commit(handle)
    finally:
        sink.close()
    return sorted(path for path in directory.rglob("*") if path.is_file())


def test_parquet_files_hold_the_batches_written(tmp_path: Path) -> None:
    (path,) = written(tmp_path, "parquet", NUMBERS.to_batches(max_chunksize=170))
    assert pq.read_table(path) == NUMBERS


def test_a_column_that_csv_has_no_cells_for_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="CSV has no cells for column 'parts': Unsupported Type:list"):
        written(tmp_path, "csv", [pa.record_batch({"n": [1], "parts": [[1]]})])


def test_csv_files_hold_the_batches_written(tmp_path: Path) -> None:
    values = pa.table({"a": ['x,"y"', None, "z"], "b": [1.5, None, -2.0]})
    (path,) = written(tmp_path, "csv", values.to_batches(max_chunksize=2))
    found = pv.read_csv(path, convert_options=pv.ConvertOptions(strings_can_be_null=True))
    assert found == values


def test_batches_are_written_to_their_partitions(tmp_path: Path) -> None:
    paths = written(
        tmp_path, "json", NUMBERS.slice(0, 4).to_batches(), partition_by=lambda record: f"odd={record['n'] % 2}"
    )
    assert [path.parent.name for path in paths] == ["odd=0", "odd=1"]


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_a_batch_of_other_columns_is_refused(tmp_path: Path, kind: str) -> None:
    with pytest.raises(ValueError, match="of the file's first batch"):
        written(tmp_path, kind, [pa.record_batch({"a": [1]}), pa.record_batch({"b": [1]})])
