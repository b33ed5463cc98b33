"""Copies for the further branches of a fan-out."""

import enum
from datetime import datetime

from sage_local.core.elements import Rows
from sage_local.runtime.channels.copying import copied, shared


class Colour(enum.Enum):
    RED = 1


def test_a_copy_is_equal_and_shares_nothing_that_can_change():
    rows = Rows([[1], {"a": [2]}, (3, [4])], [1, 2, 3], [10, 20, 30])
    copy = copied(rows)
    assert copy == rows
    rows.values[0].append(0)
    rows.values[1]["a"].append(0)
    rows.values[2][1].append(0)
    assert copy.values == [[1], {"a": [2]}, (3, [4])]


def test_records_that_can_not_change_are_not_copied():
    values = ["text", 1.5, 10**30, b"bytes", datetime(2024, 1, 1), None]
    copy = copied(Rows(values))
    assert copy.values is not values
    assert all(one is other for one, other in zip(copy.values, values, strict=True))


def test_a_member_of_an_enum_stays_that_member():
    assert copied(Rows([Colour.RED, []])).values[0] is Colour.RED


def test_two_records_that_are_one_object_become_two():
    record = [1]
    copy = copied(Rows([record, record]))
    assert copy.values[0] is not copy.values[1]


def test_shared_rows_have_the_same_records_in_lists_of_their_own():
    rows = Rows([[1]], ["k"], [10])
    other = shared(rows)
    assert other == rows
    assert other.values[0] is rows.values[0]
    other.values.append(2)
    assert rows.values == [[1]]
