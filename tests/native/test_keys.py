"""Canonical bytes of keys, their hash, and rows dealt out by it."""

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sage_local.runtime.native import hash64, key_bytes, key_groups, partition


def refuse(key: Any) -> bytes:
    raise TypeError(f"no key: {key!r}")


number = st.one_of(
    st.integers(),
    st.booleans(),
    st.floats(allow_nan=False),
    st.integers(-(2**70), 2**70).map(float),
    st.integers(-(10**3), 10**3).map(float),
)
key = st.recursive(
    st.one_of(st.none(), number, st.text(), st.text(st.characters(categories=["Cs"])), st.binary()),
    lambda inner: st.lists(inner, max_size=4).map(tuple),
    max_leaves=6,
)


@given(key, key)
def test_keys_are_equal_exactly_when_their_bytes_are(one: Any, other: Any):
    assert (one == other) == (key_bytes(one, refuse) == key_bytes(other, refuse))


@given(number, number)
def test_numbers_are_equal_exactly_when_their_bytes_are(one: Any, other: Any):
    assert (one == other) == (key_bytes(one, refuse) == key_bytes(other, refuse))


@pytest.mark.parametrize(
    "same",
    [
        (1, True, 1.0),
        (0, False, 0.0, -0.0),
        (2**62, float(2**62)),
        (2**63, float(2**63)),
        (-(2**63), float(-(2**63))),
        (int(1e300), 1e300),
        ((1, "a"), (True, "a"), (1.0, "a")),
    ],
)
def test_equal_keys_of_different_types_are_one_key(same: tuple[Any, ...]):
    assert len({key_bytes(each, refuse) for each in same}) == 1


def test_the_form_is_fixed():
    """Snapshots are cut by key group: these bytes and hashes must never change."""
    assert key_bytes(None, refuse) == b"\x00"
    assert key_bytes(-2, refuse) == b"\x01\xfe" + b"\xff" * 7
    assert key_bytes(2**64, refuse) == b"\x02\x13\0\0\0" + b"0x10000000000000000"
    assert key_bytes(0.5, refuse) == b"\x03\0\0\0\0\0\0\xe0\x3f"
    assert key_bytes("é\ud800", refuse) == b"\x04\x05\0\0\0\xc3\xa9\xed\xa0\x80"
    assert key_bytes(b"\0", refuse) == b"\x05\x01\0\0\0\0"
    assert key_bytes(("", ()), refuse) == b"\x06\x02\0\0\0" + b"\x04\0\0\0\0" + b"\x06\0\0\0\0"
    assert key_groups(["the", 1, None, (1, "a"), 2.5], 128, refuse) == [48, 3, 104, 124, 58]


# Published values of XXH64 with seed 0.
@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", 0xEF46DB3751D8E999),
        (b"a", 0xD24EC4F1A98C6E5B),
        (b"abc", 0x44BC2CF5AD770999),
        (b"Nobody inspects the spammish repetition", 0xFBCEA83C8A378BF1),
    ],
)
def test_the_hash_is_xxh64(data: bytes, expected: int):
    assert hash64(data) == expected


@pytest.mark.parametrize("key", [math.nan, -math.nan, ("a", math.nan)])
def test_nan_is_refused(key: Any):
    with pytest.raises(ValueError, match="NaN can not be a key"):
        key_bytes(key, refuse)


def test_other_types_are_written_by_the_callback():
    class Own:
        pass

    assert key_bytes(Own(), lambda key: b"\x20own") == b"\x20own"
    assert key_bytes((1, Own()), lambda key: b"\x20own").endswith(b"\x20own")
    with pytest.raises(TypeError, match="must return bytes, found str"):
        key_bytes(Own(), lambda key: "text")


def test_a_key_that_contains_itself_is_an_error():
    endless: Any = []
    for _ in range(100_000):
        endless = (endless,)
    with pytest.raises(RecursionError):
        key_bytes(endless, refuse)


@given(st.lists(key), st.integers(1, 32768))
def test_key_groups_are_the_hash_of_the_bytes(keys: list[Any], max_parallelism: int):
    expected = [hash64(key_bytes(each, refuse)) % max_parallelism for each in keys]
    assert key_groups(keys, max_parallelism, refuse) == expected


@given(st.lists(st.tuples(key, st.integers())), st.integers(1, 300), st.integers(1, 300))
def test_each_row_goes_to_the_target_of_its_key_in_order(rows: list[Any], targets: int, max_parallelism: int):
    keys, values = [row[0] for row in rows], [row[1] for row in rows]
    expected: list[tuple[list[Any], ...]] = [([], []) for _ in range(targets)]
    for group, row_key, row_value in zip(key_groups(keys, max_parallelism, refuse), keys, values, strict=True):
        part = expected[group * targets // max_parallelism]
        part[0].append(row_value)
        part[1].append(row_key)
    assert partition(keys, (values, keys), targets, max_parallelism, refuse) == expected


def test_the_key_at_fault_is_named_by_its_row():
    for keys in ([1, 2, math.nan, math.nan], [1, 2, [], 3]):
        with pytest.raises((TypeError, ValueError)) as caught:
            partition(keys, (keys,), 2, 128, refuse)
        assert caught.value.row == 2
        with pytest.raises((TypeError, ValueError)) as caught:
            key_groups(keys, 128, refuse)
        assert caught.value.row == 2


@pytest.mark.parametrize("at", [0, 1])
def test_keys_that_change_while_they_are_hashed_are_an_error(at: int):
    class Own:
        pass

    for grouped in (lambda keys, other: key_groups(keys, 128, other), lambda k, o: partition(k, (k,), 2, 128, o)):
        keys: list[Any] = [1, 2]
        keys[at] = Own()

        def other(key: Any, keys: list[Any] = keys) -> bytes:
            keys.extend(range(100_000))
            return b"\x20own"

        with pytest.raises(RuntimeError, match="keys changed size"):
            grouped(keys, other)


@pytest.mark.parametrize("max_parallelism", [0, -1, 32769])
def test_max_parallelism_has_limits(max_parallelism: int):
    with pytest.raises(ValueError, match="between 1 and 32768"):
        key_groups([1], max_parallelism, refuse)
    with pytest.raises(ValueError, match="between 1 and 32768"):
        partition([1], ([1],), 1, max_parallelism, refuse)


def test_columns_must_fit_the_keys():
    with pytest.raises(ValueError, match="column 1 has 1 rows, the keys 2"):
        partition([1, 2], ([1, 2], [1]), 2, 128, refuse)
    with pytest.raises(TypeError, match="column 0 must be a list, found str"):
        partition([1, 2], ("ab",), 2, 128, refuse)
    with pytest.raises(TypeError, match="keys must be a list"):
        partition((1, 2), ([1, 2],), 2, 128, refuse)
    with pytest.raises(ValueError, match="targets must be between"):
        partition([1], ([1],), 0, 128, refuse)


def test_a_callback_that_changes_the_keys_is_an_error_and_no_crash():
    class Own:
        pass

    keys: list[Any] = [Own() for _ in range(100)]

    def vandal(key: Any) -> bytes:
        keys.clear()
        return b"\x20"

    with pytest.raises(RuntimeError, match="changed size"):
        key_groups(keys, 128, vandal)


def test_groups_are_spread_evenly():
    counts = [0] * 128
    for group in key_groups([f"key-{number}" for number in range(12_800)], 128, refuse):
        counts[group] += 1
    assert min(counts) > 60
    assert max(counts) < 150
