"""A copy of what holds containers that can be changed in place, and of nothing else."""

import sys
from collections import Counter, OrderedDict, defaultdict, deque
from typing import Any, NamedTuple

import pytest

from sage_local.runtime.native import apart


class Total(NamedTuple):
    name: str
    parts: list[int]


class Own:
    """A class of the user's."""


class Parts(list[int]):
    """A list of the user's."""


@pytest.mark.parametrize(
    "value", [1, 2**70, "a", None, 1.5, b"b", (), (1, ("a", None)), frozenset({1}), Own(), (Own(),)]
)
def test_what_holds_no_container_is_the_same_object(value: Any) -> None:
    assert apart(value) is value


@pytest.mark.parametrize(
    "value",
    [
        [],
        {},
        {1},
        [1, [2, [3]]],
        {"a": {"b": [1, (2, [3])]}},
        ("key", [1]),
        ("key", 1, {"a": {2}}),
        Total("a", [1]),
        Counter("abc"),
        OrderedDict(a=[1]),
        defaultdict(list, a=[1]),
        deque([1, 2], maxlen=3),
        bytearray(b"abc"),
        Parts([1]),
    ],
)
def test_containers_are_copied_and_keep_their_types(value: Any) -> None:
    made = apart(value)
    assert made == value
    assert made is not value
    assert type(made) is type(value)


def test_a_copy_shares_no_container_at_any_depth() -> None:
    inner = [1]
    value = {"a": (inner, Total("t", inner)), "b": [{"c": inner}]}
    made = apart(value)
    inner.append(2)
    assert made == {"a": ([1], Total("t", [1])), "b": [{"c": [1]}]}


def test_what_contains_itself_is_an_error_and_no_crash() -> None:
    value: list[Any] = []
    value.append(value)
    with pytest.raises(RecursionError):
        apart(value)


def test_an_object_that_can_not_be_copied_says_so_and_nothing_is_lost() -> None:
    class Stubborn(list[int]):
        def __copy__(self) -> Any:
            raise ValueError("mine")

    value = ("key", [1], Stubborn())
    before = [sys.getrefcount(part) for part in value]
    for wrapped in (value, [value], {"a": value}):
        with pytest.raises(ValueError, match="mine"):
            apart(wrapped)
    del wrapped
    assert [sys.getrefcount(part) for part in value] == before
