"""Batches of rows through their frame and back."""

import pickle
import threading
from dataclasses import dataclass
from typing import Any

import pytest

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
