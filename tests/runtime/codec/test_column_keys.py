"""A key in a column goes where the same key of a row goes."""

from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sage_local.errors import InvalidKeyError
from sage_local.functions.grouping import key_column
from sage_local.runtime.codec.column_keys import column_key_groups, partition_columns
from sage_local.runtime.codec.keys import key_groups, partition

KEYS: dict[pa.DataType, st.SearchStrategy[Any]] = {
    pa.int16(): st.integers(-9, 9),
    pa.uint64(): st.integers(0, 2**64 - 1),
    pa.float64(): st.floats(allow_nan=False),
    pa.bool_(): st.booleans(),
    pa.string(): st.text(max_size=3),
    pa.string_view(): st.text(max_size=20),
    pa.large_binary(): st.binary(max_size=3),
    pa.dictionary(pa.int8(), pa.string()): st.sampled_from(["a", "b"]),
    pa.date32(): st.dates(),
    pa.timestamp("us", "Europe/Berlin"): st.integers(0, 10**15),
    pa.timestamp("ms"): st.integers(0, 10**12),
}


@st.composite
def keyed(draw: st.DrawFn) -> pa.RecordBatch:
    kinds = draw(st.lists(st.sampled_from(list(KEYS)), min_size=1, max_size=3))
    rows = draw(st.integers(1, 12))
    columns = [
        pa.array(draw(st.lists(st.one_of(st.none(), KEYS[kind]), min_size=rows, max_size=rows)), kind) for kind in kinds
    ]
    return pa.RecordBatch.from_arrays(columns, [f"k{index}" for index in range(len(kinds))])


def keys_of_rows(batch: pa.RecordBatch) -> list[Any]:
    rows = [tuple(record.values()) for record in batch.to_pylist()]
    return [row[0] for row in rows] if batch.num_columns == 1 else rows


@given(keyed())
def test_key_groups_are_those_of_rows(batch: pa.RecordBatch) -> None:
    assert column_key_groups(batch, batch.schema.names, 128).tolist() == key_groups(keys_of_rows(batch), 128)


@given(keyed(), st.integers(1, 5))
def test_parts_are_those_of_rows(batch: pa.RecordBatch, targets: int) -> None:
    numbered = batch.append_column("row", pa.array(range(len(batch))))
    parts = dict(partition_columns(numbered, batch.schema.names, targets, 128))
    expected = partition(keys_of_rows(batch), (list(range(len(batch))),), targets, 128)
    for target, (rows,) in enumerate(expected):
        assert (parts[target]["row"].to_pylist() if target in parts else []) == rows


def test_equal_floats_are_one_key() -> None:
    assert key_column(pa.record_batch({"k": [0.0, -0.0]}), "k").dictionary_encode().indices.to_pylist() == [0, 0]


def test_many_columns_of_many_values_are_told_apart() -> None:
    columns = {f"c{index}": range(index, index + 70_000) for index in range(5)}
    groups = column_key_groups(
        pa.record_batch({name: list(values) for name, values in columns.items()}), list(columns), 16
    )
    assert groups[:100].tolist() == key_groups([tuple(range(n, n + 5)) for n in range(100)], 16)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([float("nan")], "key column 'k' has a NaN"),
        ([[1]], r"column 'k' of type list<.*> is no key"),
        ([{"a": 1}], "column 'k' of type struct<a: int64> is no key"),
    ],
)
def test_what_is_no_key_is_said(values: list[Any], message: str) -> None:
    with pytest.raises(InvalidKeyError, match=message):
        key_column(pa.record_batch({"k": values}), "k")


@pytest.mark.parametrize("zone", [None, "Europe/Berlin"])
def test_instants_of_nanoseconds_are_keys(zone: str | None) -> None:
    """With whole microseconds they are those of rows; between two of these each is another key all the same."""
    kind = pa.timestamp("ns", zone)
    batch = pa.record_batch({"k": pa.array([5_000, 5_001, None, -1, 5_001], kind)})
    groups = column_key_groups(batch, ["k"], 2**15).tolist()
    (instant,) = pa.array([5], pa.timestamp("us", zone)).to_pylist()
    assert groups[:1] + groups[2:3] == key_groups([instant, None], 2**15)
    assert groups[1] == groups[4]
    assert len(set(groups)) == 4
