"""Vectorised aggregates are those of plain Python, whichever way they are computed, whole or in parts."""

import random
from collections import defaultdict
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sage_local.functions import grouping
from sage_local.functions.columns import NamedAggregate
from sage_local.functions.dense import densely_grouped
from sage_local.functions.grouping import Grouping, key_column

FUNCTIONS = ("sum", "min", "max", "mean", "count", "size", "first", "last")
KINDS = {
    "small": (pa.int32(), lambda chance: chance.randrange(-9, 9)),
    "large": (pa.int64(), lambda chance: chance.randrange(-(2**55), 2**55)),
    "unsigned": (pa.uint64(), lambda chance: chance.randrange(2**50, 2**54)),
    "float": (pa.float64(), lambda chance: chance.randrange(-100, 100) / 4),
}


def batch(seed: int, rows: int, nulls: bool) -> pa.RecordBatch:
    chance = random.Random(seed)

    def values(make: Any) -> list[Any]:
        return [None if nulls and chance.random() < 0.2 else make(chance) for _ in range(rows)]

    columns = {name: pa.array(values(make), kind) for name, (kind, make) in KINDS.items()}
    columns["a"] = pa.array(values(lambda c: c.randrange(5) * 100), pa.int64())
    columns["b"] = pa.array(values(lambda c: c.choice("xyz")))
    return pa.RecordBatch.from_pydict(columns)


def by_python(rows: list[dict[str, Any]], column: str, function: str) -> Any:
    values = [row[column] for row in rows if row[column] is not None]
    if function in ("count", "size"):
        return len(values if function == "count" else rows)
    if not values:
        return None
    return {
        "sum": lambda: sum(values),
        "min": lambda: min(values),
        "max": lambda: max(values),
        "mean": lambda: pytest.approx(sum(values) / len(values), rel=1e-9, abs=1e-3 * max(map(abs, values))),
        "first": lambda: values[0],
        "last": lambda: values[-1],
    }[function]()


def aggregates(functions: tuple[str, ...]) -> list[NamedAggregate]:
    return [NamedAggregate(f"{column}_{function}", column, function) for column in KINDS for function in functions]


@given(st.integers(0, 10**6), st.sampled_from([3, 600]), st.booleans(), st.integers(1, 3), st.booleans())
def test_aggregates_are_those_of_python(seed: int, rows: int, nulls: bool, parts: int, is_simple: bool) -> None:
    whole = batch(seed, rows, nulls)
    functions = ("sum", "min", "max", "mean", "count", "size") if is_simple else FUNCTIONS
    wanted = aggregates(functions)
    of = Grouping(wanted)
    size = -(-rows // parts)
    partials = []
    for start in range(0, rows, size):
        part = whole.slice(start, size)
        groups = {name: key_column(part, name) for name in ("a", "b")}
        partials.append((of.lifted if seed % 3 == start % 2 else of.combined)(groups, part))
    merged = of.merged(["a", "b"], partials)
    merged.validate(full=True)
    results = of.results(merged)
    groups_of: dict[tuple[Any, Any], list[dict[str, Any]]] = defaultdict(list)
    for row in whole.to_pylist():
        groups_of[row["a"], row["b"]].append(row)
    keys = list(zip(merged["a"].to_pylist(), merged["b"].to_pylist(), strict=True))
    assert sorted(map(repr, keys)) == sorted(map(repr, groups_of))
    for each in wanted:
        expected = [by_python(groups_of[key], each.column, each.function) for key in keys]
        assert results[each.name].to_pylist() == expected, each


@pytest.mark.parametrize("nulls", [False, True])
def test_numbering_gives_what_arrow_gives(monkeypatch: pytest.MonkeyPatch, nulls: bool) -> None:
    wanted = aggregates(("sum", "min", "max", "count", "size"))
    of, whole = Grouping(wanted), batch(1, 2000, nulls)
    groups = {"a": whole["a"], "b": whole["b"]}
    dense = of.combined(groups, whole, {"a": 100})
    monkeypatch.setattr(grouping, "densely_grouped", lambda *_: None)
    arrow = of.combined(groups, whole)
    order = [("a", "ascending"), ("b", "ascending")]
    assert dense.schema == arrow.schema
    assert dense.sort_by(order).to_pylist() == arrow.sort_by(order).to_pylist()


def test_few_records_and_many_places_are_left_to_arrow() -> None:
    few, sparse = pa.array(range(10)), pa.array([n * n for n in range(1000)])
    assert densely_grouped({"k": few}, [("n", "size", None)], {}) is None
    assert densely_grouped({"k": sparse, "j": sparse}, [("n", "size", None)], {}) is None
    assert densely_grouped({"k": sparse}, [("n", "first", sparse)], {}) is None
