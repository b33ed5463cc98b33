"""The row codec: type and value of every element survive, and a damaged block is an error and no crash."""

import contextlib
import enum
import gc
import math
import pickle
import struct
import sys
from collections import OrderedDict, namedtuple
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sage_local.runtime.native import pack_rows, unpack_rows

Point = namedtuple("Point", "x y")


class Colour(enum.StrEnum):
    RED = "red"


class Count(int):
    pass


def never(values: list[Any]) -> bytes:
    raise AssertionError(f"{values!r} should have become columns")


def dumps(values: list[Any]) -> bytes:
    return pickle.dumps(values, protocol=5)


def round_trip(values: list[Any], pickler: Callable[[list[Any]], bytes] = dumps) -> list[Any]:
    (column,) = unpack_rows(pack_rows((values,), pickler), pickle.loads)
    assert column is not None
    return column


def exactly(value: Any) -> Any:
    """Something equal only for values that are the same in type and value, all the way down."""
    if type(value) is float:
        return (float, struct.pack("d", value))
    if type(value) in (tuple, list):
        return (type(value), [exactly(item) for item in value])
    if type(value) is dict:
        return (dict, [(exactly(key), exactly(item)) for key, item in value.items()])
    return (type(value), value)


plain = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(),
    st.text(),
    st.text(st.characters(codec="ascii")),
    st.text(st.characters(categories=["Cs", "L"])),
    st.binary(),
    st.sampled_from([Colour.RED, Count(3), Point(1, 2), OrderedDict(a=1)]),
)
value = st.recursive(
    plain,
    lambda inner: st.one_of(
        st.tuples(inner, inner),
        st.tuples(),
        st.dictionaries(st.text(max_size=3), inner, max_size=3),
        st.lists(inner, max_size=3),
    ),
    max_leaves=6,
)


def columns_of(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[list[Any]]:
    return st.lists(strategy, max_size=20)


uniform_column = st.one_of(
    columns_of(st.integers(-(2**63), 2**63 - 1)),
    columns_of(st.floats()),
    columns_of(st.text()),
    columns_of(st.text(st.characters(codec="ascii"))),
    columns_of(st.binary()),
    columns_of(st.none() | st.integers(-300, 300)),
    columns_of(st.booleans()),
    columns_of(st.tuples(st.text(), st.integers(), st.none() | st.floats())),
    columns_of(st.fixed_dictionaries({"id": st.integers(), "név": st.text(), "in": st.tuples(st.booleans())})),
)


@given(columns_of(value))
def test_any_value_survives(values: list[Any]):
    assert exactly(round_trip(values)) == exactly(values)


@given(uniform_column)
@example([2**63 - 1, -(2**63), 0])
@example([2**63])
@example([127, -128])
@example([128])
@example([-32769])
@example([2**31])
@example([math.nan, -0.0, math.inf])
@example(["a", "", "é", "\0", "😀" * 100, "\ud800"])
@example(["x" * 255, "x"])
@example(["x" * 256])
@example([b"x" * 65536])
@example([()])
@example([{}])
@example([({"a": ({"b": None},)},)] * 9)
def test_uniform_columns_survive(values: list[Any]):
    assert exactly(round_trip(values)) == exactly(values)


@given(st.integers(1, 20).flatmap(lambda rows: st.lists(st.lists(plain, min_size=rows, max_size=rows), max_size=4)))
def test_columns_travel_together(columns: list[list[Any]]):
    block = pack_rows(tuple(columns), dumps)
    assert exactly(list(unpack_rows(block, pickle.loads))) == exactly(columns)


@pytest.mark.parametrize(
    "values",
    [
        [1, -5, 2**62],
        [1.5, math.inf],
        ["a", "\0", "é", "😀"],
        [b"", b"\xff"],
        [True, False],
        [None, None],
        [None, 1, None],
        [(1, "a"), (2, "b")],
        [{"a": 1, "b": None}, {"a": None, "b": "x"}],
        [{"a": {"b": (1, 2.5)}}],
        [],
    ],
)
def test_plain_columns_are_not_pickled(values: list[Any]):
    assert round_trip(values, never) == values


@pytest.mark.parametrize(
    "values",
    [
        [1, True],
        [1, 1.0],
        [2**63],
        ["\ud800"],
        [Count(1)],
        [Colour.RED],
        [Point(1, 2)],
        [OrderedDict(a=1)],
        [(1,), (1, 2)],
        [{"a": 1}, {"b": 1}],
        [{"a": 1, "b": 2}, {"b": 2, "a": 1}],
        [{1: 2}],
        [[1]],
    ],
)
def test_whatever_is_not_uniform_goes_by_pickle_with_its_types(values: list[Any]):
    asked: list[list[Any]] = []

    def pickler(column: list[Any]) -> bytes:
        asked.append(column)
        return dumps(column)

    assert exactly(round_trip(values, pickler)) == exactly(values)
    assert exactly(asked) == exactly([values])


def test_only_the_odd_field_of_a_record_is_pickled():
    values = [{"id": number, "odd": [number]} for number in range(5)]
    asked: list[list[Any]] = []

    def pickler(column: list[Any]) -> bytes:
        asked.append(column)
        return dumps(column)

    assert round_trip(values, pickler) == values
    assert asked == [[[0], [1], [2], [3], [4]]]


def test_nesting_deeper_than_the_codec_goes_is_left_to_pickle():
    deep: Any = 1
    for _ in range(200):
        deep = (deep, {"x": 1})
    assert round_trip([deep, deep]) == [deep, deep]


def test_records_with_a_great_many_fields_survive():
    values = [tuple(range(5000)), tuple(range(5000))]
    assert round_trip(values) == values
    wide = [{str(field): field for field in range(4000)}] * 2
    assert round_trip(wide, never) == wide


def test_an_absent_column_stays_absent():
    assert unpack_rows(pack_rows(([1, 2], None, ["a", "b"]), never), pickle.loads) == ([1, 2], None, ["a", "b"])
    assert unpack_rows(pack_rows((None,), never), pickle.loads) == (None,)
    assert unpack_rows(pack_rows((), never), pickle.loads) == ()


def test_columns_with_the_same_objects_are_written_once_and_share_them():
    """A key that is the record itself costs nothing to send."""
    words = [f"word{number}" for number in range(100)]
    alone, twice = pack_rows((words,), never), pack_rows((words, list(words)), never)
    assert len(twice) <= len(alone) + 3
    values, keys = unpack_rows(twice, pickle.loads)
    assert values == keys == words
    assert values is not keys
    assert all(value is key for value, key in zip(values or [], keys or [], strict=True))


def test_keys_of_dicts_are_one_object_each():
    rows = round_trip([{"name": 1}, {"name": 2}])
    first, second = (next(iter(row)) for row in rows)
    assert first is second


def test_columns_must_be_lists_of_one_length():
    with pytest.raises(ValueError, match="column 1 has 1 rows, those before it 2"):
        pack_rows(([1, 2], [1]), dumps)
    with pytest.raises(TypeError, match="column 0 must be a list or None, found tuple"):
        pack_rows(((1, 2),), dumps)
    with pytest.raises(TypeError, match="a tuple of at most 64 lists"):
        pack_rows([[1]], dumps)
    with pytest.raises(TypeError, match="a tuple of at most 64 lists"):
        pack_rows(([1],) * 65, dumps)


def test_a_small_block_can_not_ask_for_a_large_answer():
    """A column that is another one again takes three bytes, whatever the rows."""
    rows, columns = 10_000, 5_000
    header = struct.pack("<IHHQQ", 0x57524753, 1, columns, rows, 24 + 1 + rows + 3 * (columns - 1))
    with pytest.raises(ValueError, match="too many columns"):
        unpack_rows(header + b"\4" + bytes(rows) + b"\1\0\0" * (columns - 1), pickle.loads)


def test_what_the_pickler_raises_comes_out():
    def refuse(values: list[Any]) -> bytes:
        raise LookupError("no")

    with pytest.raises(LookupError, match="no"):
        pack_rows(([object()],), refuse)


def test_a_pickler_must_return_bytes():
    with pytest.raises(TypeError, match=r"pickle\(\) must return bytes, found str"):
        pack_rows(([object()],), lambda values: "text")


def test_pickling_may_change_the_records_under_way():
    """User code runs when a column is pickled; what was scanned before stays as it was."""
    rows: list[Any] = []

    class Vandal:
        def __reduce__(self) -> tuple[Any, ...]:
            rows.clear()
            return (int, (7,))

    rows.extend({"id": "x" * 40 + str(number), "odd": Vandal()} for number in range(50))
    (column,) = unpack_rows(pack_rows((rows,), dumps), pickle.loads)
    assert column == [{"id": "x" * 40 + str(number), "odd": 7} for number in range(50)]


def test_an_unpickler_must_return_a_list_of_that_length():
    block = pack_rows(([object(), 1],), lambda values: b"whatever")
    for wrong in ([1], (1, 2), None):
        with pytest.raises(ValueError, match="a pickle is not a list with an item for each row"):
            unpack_rows(block, lambda view, wrong=wrong: wrong)


SAMPLE = (
    [1, 2, 3, 400000],
    ["a", "é", "", "x"],
    [
        {"a": 1.5, "b": (None, b"x")},
        {"a": 2.5, "b": (3, b"")},
        {"a": 0.0, "b": (None, b"y")},
        {"a": 1.0, "b": (4, b"")},
    ],
    [True, False, True, True],
    [1, "mixed", (), None],
    None,
)


@given(st.integers(0, 400), st.integers(0, 255))
def test_a_block_with_a_damaged_byte_is_an_error_or_other_rows_and_no_crash(position: int, byte: int):
    block = bytearray(pack_rows(SAMPLE, dumps))
    block[position % len(block)] = byte
    unpack_leniently(bytes(block))


@given(st.integers(0, 400))
def test_a_truncated_block_is_an_error(length: int):
    block = pack_rows(SAMPLE, dumps)
    with pytest.raises(ValueError, match="malformed row block"):
        unpack_rows(block[: length % len(block)], lambda view: [1, "mixed", (), None])


def test_bytes_behind_a_block_are_an_error():
    with pytest.raises(ValueError, match="bytes are left over"):
        unpack_rows(pack_rows(SAMPLE[:3], dumps) + b"\0", pickle.loads)


@given(st.binary(max_size=200))
def test_garbage_is_an_error(garbage: bytes):
    with pytest.raises(ValueError, match="malformed row block"):
        unpack_rows(garbage, pickle.loads)


@given(st.integers(0, 2**64 - 1), st.integers(0, 3), st.binary(max_size=64))
def test_garbage_behind_a_sound_header_is_no_crash(rows: int, columns: int, garbage: bytes):
    """Whatever the row count says, memory is asked for in proportion to the block only."""
    header = pack_rows((), dumps)[:4] + struct.pack("<HHQQ", 1, columns, rows, 24 + len(garbage))
    unpack_leniently(header + garbage)
    unpack_leniently(header[:8] + struct.pack("<QQ", rows % 8, 24 + len(garbage)) + garbage)


def unpack_leniently(block: bytes) -> None:
    with contextlib.suppress(ValueError):
        unpack_rows(block, lambda view: [1, "mixed", (), None])


def test_only_tuples_of_plain_values_are_kept_from_the_collector():
    """A tuple with a container in it may be part of a cycle later on."""
    plain, nested, odd, beside = unpack_rows(
        pack_rows(
            ([(1, (None, "a"))], [(1, {"a": 1})], [(1, [2])], [(({"a": 1},), (1, 2))]),
            dumps,
        ),
        pickle.loads,
    )
    assert [gc.is_tracked(column[0]) for column in (plain, nested, odd, beside) if column] == [False, True, True, True]
    assert beside is not None
    assert gc.is_tracked(beside[0][0])
    assert not gc.is_tracked(beside[0][1])


def test_no_reference_is_lost_or_kept():
    """Neither by packing nor by unpacking, nor on the way out of a failure."""
    marked = ("unique", 12345.678)
    values: list[Any] = [{"key": marked, "odd": [marked]}, {"key": marked, "odd": [marked]}]
    before = sys.getrefcount(marked), sys.getrefcount(values[0])

    def fail(column: list[Any]) -> bytes:
        raise LookupError

    for _ in range(10):
        round_trip(values)
        with pytest.raises(LookupError):
            pack_rows((values,), fail)
    assert (sys.getrefcount(marked), sys.getrefcount(values[0])) == before

    block = pack_rows((values,), dumps)
    shared = [marked, marked]
    for _ in range(10):
        unpack_rows(block, lambda view: [shared, shared])
        with pytest.raises(ValueError, match="malformed"):
            unpack_rows(block + b"\0", lambda view: [shared, shared])
    assert sys.getrefcount(shared) == 2


def test_texts_that_repeat_themselves_arrive_as_they_were() -> None:
    """A value equal to the one before is not built again; one of the same length that differs is."""
    texts = ["ab", "ab", "ac", "ab", "", "", "a", "a", "abc", "abc"]
    columns = (texts, [text.encode() for text in texts], [f"é{text}" for text in texts])
    assert unpack_rows(pack_rows(columns, pickle.dumps), pickle.loads) == columns
