"""What is wrong with columns is said with the operator and the column; what is only unusual is computed."""

import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from sage_local import OperatorError, PlanError, SourceError, WatermarkStrategy
from sage_local.functions.grouping import joined
from tests.columns.programs import environment

TABLE = pa.table({"k": ["a", "b"], "v": [0, 2**62]})


def known(table: pa.Table = TABLE) -> Any:
    return environment("inline", 1, "batch").from_arrow(table, batch_rows=1)


def unknown() -> Any:
    """The schema is not known before batches come."""
    return known().map_batches(lambda batch: batch)


def test_a_type_that_an_expression_can_not_take_is_said_with_the_column() -> None:
    reason = "greater.*where k is string"
    with pytest.raises(PlanError, match=rf"'filter': .*{reason}"):
        known().filter(pc.field("k") > 3)
    with pytest.raises(OperatorError, match=rf"'filter'.*TypeError: .*{reason}"):
        unknown().filter(pc.field("k") > 3).collect()


@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        (pc.field("v") * 4, r"overflow, in multiply_checked\(v, 4\), where v is int64"),
        (pc.scalar(1) / pc.field("v"), "divide by zero, in .*, where v is int64"),
    ],
)
def test_values_that_an_expression_can_not_take_are_said_with_the_column(expression: Any, reason: str) -> None:
    with pytest.raises(OperatorError, match=rf"'with_columns'.*ValueError: {reason}"):
        known().with_columns(fine=pc.field("v"), w=expression).collect()


@pytest.mark.parametrize("returned", [pa.array([1]), pa.chunked_array([[1]])])
def test_a_single_column_is_no_table(returned: Any) -> None:
    with pytest.raises(OperatorError, match=rf"returns a table.*found {type(returned).__name__}"):
        known().map_batches(lambda batch: returned).collect()


def test_nulls_that_a_schema_rules_out_are_refused() -> None:
    schema = pa.schema([pa.field("v", pa.int64(), nullable=False)])
    with pytest.raises(OperatorError, match=r"column 'v' is declared to be without nulls, found one in row 1"):
        known().map_batches(lambda batch: pa.table({"v": [1, None]}), schema=schema).collect()
    records = environment("inline", 1).from_collection([{"v": 1}, {"v": None}])
    with pytest.raises(OperatorError, match=r"\{'v': None\}.*column 'v' is declared to be without nulls"):
        records.to_columns(schema).collect()


ALL = ("sum", "mean", "min", "max", "count", "size", "first", "last")


@pytest.mark.parametrize("kind", [pa.null(), pa.string(), pa.int8(), pa.float64(), pa.bool_(), pa.decimal128(9, 2)])
def test_columns_of_nulls_alone_have_aggregates(kind: pa.DataType) -> None:
    functions = [each for each in ALL if not (kind == pa.string() and each in ("sum", "mean"))]
    stream = known(pa.table({"k": pa.nulls(4, kind if kind != pa.float64() else None), "v": pa.nulls(4, kind)}))
    found = stream if not pa.types.is_decimal(kind) else stream.with_columns(k=pc.scalar(None))
    numbers = {"count": 0, "size": 4}
    expected = {each: numbers.get(each) for each in functions}
    assert found.key_by("k").aggregate(**{each: ("v", each) for each in functions}).collect() == [
        {"k": None} | expected
    ]


@pytest.mark.parametrize(
    "values", [[[1], None, [2]], [{"a": 1}, None, {"a": 2}], [b"x", None, b"y"], [Decimal("1.5"), None, Decimal("2.0")]]
)
def test_the_first_and_last_values_are_of_any_type(values: Any) -> None:
    table = pa.table({"k": [1, 1, 1], "v": values})
    found = known(table).key_by("k").aggregate(first=("v", "first"), last=("v", "last")).collect()
    given = table["v"].to_pylist()
    assert found == [{"k": 1, "first": given[0], "last": given[2]}]


def test_times_of_different_zones_are_instants() -> None:
    """Shown in the zone of the first; without any zone they are another thing."""
    batches = [
        pa.record_batch({"ts": pa.array([at], pa.timestamp("s", zone))}) for at, zone in ((1, "UTC"), (2, "Asia/Tokyo"))
    ]
    found = environment("inline", 1).from_arrow(batches).map_batches(lambda batch: batch, batch_size=2).collect_arrow()
    assert found == pa.table({"ts": pa.array([1, 2], pa.timestamp("s", "UTC"))})


@pytest.mark.parametrize("values", [{"v": ["1"]}, {"v": pa.array([1], pa.timestamp("s"))}, {"v": [True]}, {"v": [[1]]}])
def test_values_of_another_kind_break_a_declared_schema(values: Any) -> None:
    """Arrow would cast them: text that looks like a number, a time as its number."""
    schema = pa.schema([("v", pa.int64())])
    with pytest.raises(OperatorError, match=r"broke its declared schema: expected v int64; found v "):
        known().map_batches(lambda batch: pa.table(values), schema=schema).collect()


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (pa.array([1.0, None]), pa.int64()),
        (pa.array([None, None]), pa.int64()),
        (pa.array(["a", None], pa.string_view()), pa.string()),
        (pa.array(["a", None]).dictionary_encode(), pa.string()),
        (pa.array([["a"], [None]], pa.large_list(pa.large_string())), pa.list_(pa.string())),
        (pa.array([{"x": 1}, None]), pa.struct([("x", pa.float64())])),
    ],
)
def test_other_ways_to_store_the_declared_values_are_taken(values: pa.Array, kind: pa.DataType) -> None:
    schema = pa.schema([("v", kind)])
    table = known().map_batches(lambda batch: pa.table({"v": values}), schema=schema).collect_arrow()
    assert (table.schema, table["v"].to_pylist()[:2]) == (schema, values.to_pylist())


@pytest.mark.parametrize("kind", [pa.uuid(), pa.decimal32(5, 2), pa.list_(pa.int8()), pa.duration("s")])
def test_columns_that_are_no_keys_are_refused_by_their_type(kind: pa.DataType) -> None:
    table = pa.table({"k": pa.nulls(1, kind)})
    with pytest.raises(PlanError, match=rf"column 'k' of type {re.escape(str(kind))} is no key"):
        known(table).key_by("k")


def test_unions_pass_through_what_does_not_look_at_them() -> None:
    union = pa.UnionArray.from_sparse(pa.array([0, 1], pa.int8()), [pa.array([1, 2]), pa.array(["x", "y"])])
    stream = known(pa.table({"k": [1, 2], "u": union})).filter(pc.field("k") > 1).select("u", "k")
    assert stream.key_by("k").last("u").collect() == [{"k": 2, "u": "y"}]


@pytest.mark.parametrize("data", [pa.array([1]), pa.chunked_array([[1]]), pa.Table, 5, "path.parquet"])
def test_what_is_no_table_is_no_source(data: Any) -> None:
    with pytest.raises(SourceError, match=r"from_arrow\(\) takes .*; found "):
        environment("inline", 1).from_arrow(data)


def test_a_value_in_a_text_file_that_does_not_fit_is_said_with_the_column(tmp_path: Path) -> None:
    (tmp_path / "late.csv").write_text("a,b\n" + "1,2\n" * 1_100_000 + "1,x\n")
    with pytest.raises(OperatorError, match=r"'from_csv'.*late.csv: In column 'b'.*invalid value 'x'.*b int64"):
        environment("inline", 1).from_csv(tmp_path / "late.csv", columns=True).collect()


@pytest.mark.parametrize(("time", "kind"), [(2**64 - 1, pa.uint64()), (2**63 - 1, pa.timestamp("ms")), (2**61, None)])
def test_times_beyond_milliseconds_are_said_with_the_column(time: int, kind: Any) -> None:
    times = known(pa.table({"ts": pa.array([time], kind or pa.timestamp("s"))}))
    strategy = WatermarkStrategy.for_monotonous_timestamps().with_timestamp_column("ts")
    with pytest.raises(OperatorError, match=r"'timestamps'.*column 'ts' has a time that is out of range"):
        times.assign_timestamps_and_watermarks(strategy).collect_arrow()


def test_more_text_than_a_column_holds_is_said_with_the_column() -> None:
    """Zeros that nobody has written take no memory; the offsets are added up before any text is copied."""
    zeros = pa.py_buffer(np.zeros(2**30, np.uint8))
    text = pa.Array.from_buffers(pa.string(), 1, [None, pa.py_buffer(np.array([0, 2**30], np.int32)), zeros])
    parts = [pa.record_batch({"key": [1], "text": text})] * 2
    with pytest.raises(ValueError, match="more than 2 GiB in one batch, of column text string: cast it to its large"):
        joined(parts)
