"""From rows to columns and back."""

from dataclasses import dataclass
from typing import Any, NamedTuple, TypedDict

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from sage_local import (
    Count,
    OperatorError,
)
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
