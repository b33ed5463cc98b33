"""Accumulators hold what they were given, and come to what plain Python values come to."""

import pickle
from copy import deepcopy
from decimal import Decimal
from enum import IntEnum
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sage_local.runtime.native import Accumulator, fold, merge, pack_rows, unpack_rows

SUM, MIN, MAX, COUNT = range(4)
STEPS = [(SUM, 0, None), (MIN, 0, None), (MAX, 0, None), (COUNT, 0, None)]
EDGES = [0, 1, -1, 2**63 - 1, -(2**63), 2**63, 10**30, 0.0, -0.0, 1.5, float("inf"), float("nan"), True, False]
NUMBERS = st.sampled_from(EDGES) | st.integers() | st.floats()


class Grade(IntEnum):
    """Ints that are more than an int."""

    GOOD = 1


VALUES = NUMBERS | st.sampled_from([None, "", "text", b"", Grade.GOOD, Decimal("1.5"), (1, [2])])
ACCUMULATORS = st.lists(VALUES, min_size=1, max_size=16).map(Accumulator)


def plain(operation: int, first: Any, second: Any) -> Any:
    if operation in (SUM, COUNT):
        return first + second
    return second if (second < first if operation == MIN else second > first) else first


def seen(accumulator: Any) -> str:
    """Types, signs of zeros and NaNs too."""
    return repr(list(accumulator))


@given(st.lists(VALUES, min_size=1, max_size=16))
def test_type_and_value_survive(values: list[Any]) -> None:
    accumulator = Accumulator(values)
    assert seen(accumulator) == seen(pickle.loads(pickle.dumps(accumulator))) == seen(deepcopy(accumulator))
    assert seen(accumulator) == repr(values)
    for index, value in enumerate(reversed(values)):
        accumulator[index] = value
    assert seen(accumulator) == repr(values[::-1])


@given(st.lists(NUMBERS, min_size=1))
def test_folding_comes_to_what_a_plain_loop_comes_to(numbers: list[Any]) -> None:
    space: dict[str, Any] = {}
    fold(space, ["a"] * len(numbers), iter(numbers), (0, None), STEPS)
    expected = [numbers[0], numbers[0], numbers[0], 1]
    for number in numbers[1:]:
        expected = [plain(step[0], old, number) for step, old in zip(STEPS[:3], expected, strict=False)] + [
            expected[3] + 1
        ]
    assert seen(space["a"]) == repr(expected)


@given(st.tuples(*[NUMBERS] * 4), st.tuples(*[NUMBERS] * 4), st.booleans())
def test_merging_comes_to_what_plain_values_come_to(old: Any, new: Any, before: bool) -> None:
    for is_shared in (False, True):
        target = {"a": Accumulator(old)}
        others = [target["a"]] if is_shared else []
        merge(target, {"a": Accumulator(new)}, before, STEPS)
        first, second = (new, old) if before else (old, new)
        expected = [plain(step[0], *pair) for step, pair in zip(STEPS, zip(first, second, strict=True), strict=True)]
        assert seen(target["a"]) == repr(expected)
        assert [seen(other) for other in others] == [repr(list(old))] * is_shared


@given(st.lists(ACCUMULATORS, min_size=1))
def test_they_travel_whatever_they_hold(accumulators: list[Accumulator]) -> None:
    (column,) = unpack_rows(pack_rows((accumulators,), pickle.dumps), pickle.loads)
    assert column is not None
    assert list(map(seen, column)) == list(map(seen, accumulators))


def test_a_column_of_numbers_travels_without_pickle() -> None:
    accumulators = [Accumulator([i, i / 2, 2**62 + i]) for i in range(100)]
    assert unpack_rows(pack_rows((accumulators,), _refuse), _refuse) == (accumulators,)


def _refuse(_: Any) -> Any:
    raise AssertionError("there is nothing to pickle")


def test_what_is_not_an_accumulator_is_refused() -> None:
    for values in ([], [0] * 17):
        with pytest.raises(ValueError, match="expected 1 to 16 values"):
            Accumulator(values)
    accumulator = Accumulator([1, 2])
    with pytest.raises(IndexError):
        accumulator[2]
    with pytest.raises(IndexError):
        accumulator[2] = 1
    with pytest.raises(TypeError):
        del accumulator[0]  # type: ignore[attr-defined]  # that there is none is what is tested
    with pytest.raises(TypeError):
        hash(accumulator)
    assert accumulator == Accumulator([1, 2.0]) != Accumulator([1])
    assert accumulator != [1, 2]


class Dropping:
    """A number that drops the accumulator it is added to."""

    def __init__(self, space: dict[str, Any]) -> None:
        self.space = space

    def __radd__(self, other: Any) -> int:
        self.space.clear()
        return 7


def test_an_accumulator_that_is_dropped_while_it_is_added_to_is_survived() -> None:
    space = {"a": Accumulator([1, 1])}
    fold(space, ["a"], iter([Dropping(space)]), (0, None), [(SUM, 0, None), (COUNT, 0, None)])
    assert space == {}
    merge(space, {"a": Accumulator([1])}, False, [(SUM, 0, None)])
    merge(space, {"a": Accumulator([Dropping(space)])}, False, [(SUM, 0, None)])
    assert space == {}
