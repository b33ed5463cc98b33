"""What is wrong with columns is said with the operator and the column; what is only unusual is computed."""

from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from sage_local import OperatorError, PlanError
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
