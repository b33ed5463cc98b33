"""From rows to columns and back."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple, TypedDict

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from sage_local import (
    Count,
    OperatorError,
)
from sage_local.api.columns import ColumnStream
from tests.columns.programs import ENGINES, environment, events


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


def of_key(number: int, other: Any) -> dict[str, Any]:
    return {"key": number % 2, "a": number if number % 2 else other}


@pytest.mark.parametrize("collect", [ColumnStream.collect, ColumnStream.collect_arrow])
def test_columns_that_subtasks_infer_differently_are_widened_or_an_error_where_they_meet(collect: Any) -> None:
    def columns(other: Any) -> ColumnStream:
        numbers = environment("inline", 2).from_collection(range(100)).key_by(lambda number: number % 2)
        return numbers.map(lambda number: of_key(number, other)).to_columns()

    found = collect(columns(0.5))
    assert pa.table({"a": [0.5, *map(float, range(1, 100, 2))]}).equals(
        pa.table({"a": sorted({row["a"] for row in (found if isinstance(found, list) else found.to_pylist())})})
    )
    with pytest.raises(ValueError, match=r"(?s)different schemas.*a string.*a int64|a int64.*a string"):
        collect(columns("x"))


@pytest.mark.parametrize(
    ("records", "reason"),
    [
        ([{"a": 1}, {"a": 2**70}], rf"on record \{{'a': {2**70}\}}.*column 'a'"),
        ([{"a": 1, "b": 1}, {"a": 1, "b": object()}], r"on record .*column 'b': Could not convert <object"),
        ([{}], r"on record \{\}.*without any field"),
        ([{1: 2}], r"on record \{1: 2\}.*names of columns are text, found the field 1"),
    ],
)
def test_a_record_that_can_not_become_columns_is_said(records: list[Any], reason: str) -> None:
    with pytest.raises(OperatorError, match=f"'columns'.*{reason}"):
        environment("inline", 1).from_collection(records).to_columns().collect()


def test_types_in_one_batch_that_do_not_go_together_are_said_with_the_column() -> None:
    table = pa.table({"n": range(10)})
    records = environment("inline", 1).from_arrow(table).map(lambda record: of_key(record["n"], "x"))
    with pytest.raises(OperatorError, match=r"'columns'.*column 'a': "):
        records.to_columns().collect()


@pytest.mark.parametrize(("engine", "parallelism"), ENGINES)
def test_functions_of_rows_see_plain_instants_and_intervals(engine: str, parallelism: int) -> None:
    """Of nanoseconds pandas would make its own; and Arrow's interval can not be pickled by itself."""
    interval = pa.array([(1, 2, 3), None], pa.month_day_nano_interval())
    table = pa.table({"at": pa.array([5_000, None], pa.timestamp("ns")), "interval": interval})
    found = environment(engine, parallelism).from_arrow(table).map(lambda record: tuple(record.values())).collect()
    assert found == [(datetime(1970, 1, 1, microsecond=5), interval[0].as_py()), (None, None)]
    assert type(found[0][0]) is datetime


class Path3(NamedTuple):
    name: str
    points: list[Pair]
    first: Reading | None


@pytest.mark.parametrize("schema", [Path3, None])
def test_records_in_records_become_columns(schema: Any) -> None:
    records = [Path3("a", [Pair("x", 1), Pair("y", 2)], Reading("s", 1.0)), Path3("b", [], None)]
    table = environment("inline", 1).from_collection(records).to_columns(schema).collect_arrow()
    points = [{"key": "x", "n": 1}, {"key": "y", "n": 2}]
    assert table.to_pylist() == [
        {"name": "a", "points": points, "first": {"sensor": "s", "value": 1.0}},
        {"name": "b", "points": [], "first": None},
    ]


NOON = datetime(2020, 1, 1, 12, microsecond=1500)


@pytest.mark.parametrize(
    ("kind", "value", "other"),
    [
        (pa.int64(), 1.5, "1"),
        (pa.date32(), NOON, "2020"),
        (pa.timestamp("ms"), NOON, "datetime"),
        (pa.timestamp("us", "UTC"), NOON, "datetime"),
        (pa.timestamp("us"), NOON.replace(tzinfo=UTC), "datetime"),
        (pa.string(), b"x", "'x'"),
    ],
)
def test_a_value_that_a_declared_column_would_change_is_refused(kind: pa.DataType, value: Any, other: str) -> None:
    """Arrow cuts fractions, takes times of no zone for UTC's, and bytes for text."""
    records = environment("inline", 1).from_collection([{"v": value}]).to_columns(pa.schema([("v", kind)]))
    with pytest.raises(OperatorError, match=rf"column 'v' of type .* can not hold .*: it would become .*{other}"):
        records.collect()


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (pa.int8(), 3.0),
        (pa.date32(), datetime(2020, 1, 1).date()),
        (pa.timestamp("us", "UTC"), NOON.replace(tzinfo=UTC)),
        (pa.timestamp("ms"), datetime(2020, 1, 1)),
        (pa.large_string(), "x"),
        (pa.float64(), 3),
    ],
)
def test_a_value_that_a_declared_column_holds_is_taken(kind: pa.DataType, value: Any) -> None:
    records = environment("inline", 1).from_collection([{"v": value}, {"v": None}]).to_columns(pa.schema([("v", kind)]))
    assert records.collect() == [{"v": value}, {"v": None}]
