"""Batches of rows through their frame and back."""

import datetime
import pickle
import struct
import threading
from collections import Counter, deque
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sage_local.core.elements import Rows
from sage_local.errors import SerializationError
from sage_local.runtime.codec.rows import decode, encode
from sage_local.runtime.native import pack_rows


@dataclass(frozen=True)
class Order:
    item: str
    count: int


@pytest.mark.parametrize(
    "rows",
    [
        Rows([]),
        Rows([1, 2, 3]),
        Rows(["a", "b"], ["a", "b"]),
        Rows([{"a": 1}, {"a": 2}], [1, 2], [1_700_000_000_000, 1_700_000_000_001]),
        Rows([None], None, [5]),
        Rows([Order("tea", 2), Order("milk", 1)], ["tea", "milk"]),
        Rows([1, "two", 3.0, [4], {5}]),
    ],
)
def test_rows_come_out_as_they_went_in(rows: Rows):
    assert decode(encode(rows)) == rows
    assert decode(memoryview(encode(rows))) == rows


def test_instances_of_local_classes_travel():
    class Local:
        def __init__(self, number: int) -> None:
            self.number = number

    decoded = decode(encode(Rows([Local(1), Local(2)])))
    assert [value.number for value in decoded.values] == [1, 2]


def test_functions_without_a_name_travel():
    (add,) = decode(encode(Rows([lambda a, b: a + b]))).values
    assert add(2, 3) == 5


def test_what_can_not_be_pickled_is_named():
    lock = threading.Lock()
    with pytest.raises(SerializationError, match=r"found dict \{'lock': .*: TypeError: cannot pickle '_thread.lock'"):
        encode(Rows([{"fine": 1}, {"lock": lock}]))


def test_an_error_of_the_users_own_pickling_is_the_cause():
    class Stubborn:
        def __reduce__(self) -> Any:
            raise AttributeError("not today")

    with pytest.raises(SerializationError, match="not today") as caught:
        encode(Rows([Stubborn()]))
    assert isinstance(caught.value.__cause__, AttributeError)


def test_a_block_of_other_columns_is_refused():
    with pytest.raises(ValueError, match="expected a block of values, keys and timestamps, found 2 columns"):
        decode(pack_rows(([1], [2]), pickle.dumps))
    with pytest.raises(ValueError, match="expected a block"):
        decode(pack_rows((None, None, None), pickle.dumps))


def exactly(value: Any) -> Any:
    """Something equal only for values that are the same in type and value; a NaN is the same as itself."""
    if type(value) is float or isinstance(value, np.floating):
        return (type(value), struct.pack("d", value))
    if isinstance(value, np.ndarray):
        return (type(value), value.dtype, value.tolist())
    if type(value) in (tuple, list):
        return (type(value), [exactly(item) for item in value])
    if type(value) is dict:
        return (dict, [(exactly(key), exactly(item)) for key, item in value.items()])
    return (type(value), value)


scalars = st.one_of(
    st.integers(),
    st.floats(),
    st.text(st.characters(categories=["Cs", "L"])),
    st.floats().map(np.float64),
    st.floats(width=32).map(np.float32),
    st.integers(-(2**63), 2**63 - 1).map(np.int64),
    st.integers(0, 255).map(np.uint8),
    st.booleans().map(np.bool_),
    st.text(st.characters(categories=["L"])).map(np.str_),
    st.lists(st.integers(-128, 127), max_size=3).map(lambda values: np.array(values, dtype=np.int8)),
    st.integers(-(2**63), 2**63 - 1).map(pa.scalar),
    st.text(st.characters(categories=["L"])).map(pa.scalar),
    st.lists(st.integers(0, 9), max_size=3).map(lambda values: pa.array(values, pa.int8())),
    st.datetimes().map(np.datetime64),
    st.datetimes(timezones=st.just(datetime.UTC)),
    st.decimals(allow_nan=False),
    st.fractions(),
    st.complex_numbers(allow_nan=False),
    st.uuids(),
    st.frozensets(st.integers(0, 9)),
    st.sampled_from([range(3), deque([1], 2), Counter("aab"), ..., int, len, Order("tea", 2)]),
)
records = st.recursive(
    scalars,
    lambda inner: st.tuples(inner, inner) | st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


@given(st.lists(records, max_size=10))
def test_type_and_value_of_every_record_survive(values: list[Any]):
    assert exactly(decode(encode(Rows(values))).values) == exactly(values)


@given(st.lists(scalars, min_size=1, max_size=1), st.integers(1, 300))
def test_a_column_of_one_odd_value_after_many_plain_ones_survives(odd: list[Any], plain: int):
    values = list(range(plain)) + odd
    assert exactly(decode(encode(Rows(values))).values) == exactly(values)


@pytest.mark.parametrize("size", [0, 1, 2**16, 2**24])
def test_a_record_of_any_size_survives(size: int):
    values = [b"x" * size, "é" * (size // 2), ["x"] * (size // 64)]
    assert decode(encode(Rows(values))).values == values
