"""Keys that are equal in Python are one key, in every process; whatever has no such form is refused."""

import enum
import subprocess
import sys
from collections import namedtuple
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sage_local.errors import InvalidKeyError
from sage_local.runtime.codec.keys import check_key, key_bytes, key_groups, partition

Pair = namedtuple("Pair", "left right")


class Place(NamedTuple):
    row: int
    column: int


class Colour(enum.Enum):
    RED = 1
    GREEN = 2
    CRIMSON = 1


class Shade(enum.Enum):
    RED = 1


class Level(enum.IntEnum):
    LOW = 1


class Name(enum.StrEnum):
    ANN = "ann"


class OldName(str, enum.Enum):  # noqa: UP042  # what users write
    ANN = "ann"


class Access(enum.Flag):
    READ = 1
    WRITE = 2


class Bits(enum.IntFlag):
    ONE = 1


class Meters(float):
    pass


class Label(str):
    __slots__ = ()

    def __str__(self) -> str:
        return "something else"


@dataclass(frozen=True)
class Point:
    x: Any
    y: Any


@dataclass(frozen=True)
class Other:
    x: Any
    y: Any


@dataclass(frozen=True)
class Cached:
    x: int
    note: str = field(default="", compare=False)


@dataclass
class Mutable:
    x: int


@dataclass(frozen=True, eq=False)
class ById:
    x: int


class OwnEquality(int):
    def __eq__(self, other: object) -> bool:
        return True

    def __hash__(self) -> int:
        return 1


@dataclass(frozen=True)
class OwnPoint:
    x: int

    def __eq__(self, other: object) -> bool:
        return True

    def __hash__(self) -> int:
        return 1


NOON = datetime(2024, 5, 1, 12)
VIENNA = timezone(timedelta(hours=2))

SAMPLES: list[Any] = [
    None,
    1,
    True,
    1.0,
    2,
    "ann",
    "1",
    b"ann",
    (1, 2),
    Pair(1, 2),
    Place(1, 2),
    Pair("a", None),
    Colour.RED,
    Colour.GREEN,
    Colour.CRIMSON,
    Shade.RED,
    Level.LOW,
    Name.ANN,
    OldName.ANN,
    Access.READ,
    Access.READ | Access.WRITE,
    Bits.ONE,
    Meters(1.0),
    Meters(1.5),
    1.5,
    Label("ann"),
    Point(1, 2),
    Point(1.0, True),
    Point(1, 2.0),
    Other(1, 2),
    Point(Point(1, 2), NOON),
    Cached(1),
    Cached(1, "seen"),
    NOON,
    NOON.replace(tzinfo=UTC),
    NOON.replace(tzinfo=VIENNA),
    (NOON - timedelta(hours=2)).replace(tzinfo=UTC),
    NOON.replace(fold=1),
    NOON.date(),
    datetime(2024, 5, 1),
    date(2024, 5, 2),
    datetime.max,
    datetime.min,
    date.min,
]


@pytest.mark.parametrize("one", SAMPLES, ids=repr)
def test_keys_are_equal_exactly_when_their_bytes_are(one: Any):
    for other in SAMPLES:
        assert (key_bytes(one) == key_bytes(other)) == (one == other), (one, other)


zone = st.none() | st.integers(-24 * 60 + 1, 24 * 60 - 1).map(lambda minutes: timezone(timedelta(minutes=minutes)))
moment = (
    st.datetimes(timezones=zone)
    | st.datetimes()
    | st.datetimes(datetime(2024, 1, 1), datetime(2024, 1, 1, 0, 0, 3), timezones=st.sampled_from([UTC, VIENNA]))
)


@given(moment, moment)
def test_moments_are_equal_exactly_when_their_bytes_are(one: datetime, other: datetime):
    assert (one == other) == (key_bytes(one) == key_bytes(other))
    assert key_bytes(one) == key_bytes(one.replace())


@pytest.mark.parametrize(
    "key",
    [
        [1],
        {},
        {1},
        frozenset({1}),
        1j,
        Decimal(1),
        timedelta(1),
        pytest.param(object(), id="object"),
        Mutable(1),
        ById(1),
        OwnEquality(1),
        OwnPoint(1),
        (1, [2]),
        Point([], 1),
        range(3),
        int,
    ],
    ids=repr,
)
def test_anything_else_is_refused_by_its_type(key: Any):
    with pytest.raises(InvalidKeyError, match=r"expected a key of int, str, .* found "):
        check_key(key)


def test_the_refusal_names_type_and_key():
    with pytest.raises(InvalidKeyError, match=r"found list: \[1, 2\]$"):
        check_key(("fine", [1, 2]))


def test_nan_is_refused():
    with pytest.raises(InvalidKeyError, match="NaN can not be a key: it is not equal to itself; found key nan"):
        check_key(float("nan"))
    with pytest.raises(InvalidKeyError, match="NaN"):
        check_key(Point(float("nan"), 1))


@pytest.mark.parametrize("bad", [float("nan"), [], Point([], 1)])
def test_the_row_of_a_refused_key_is_known(bad: Any):
    with pytest.raises(InvalidKeyError) as caught:
        partition([1, bad, 3], ([1, 2, 3],), 2, 128)
    assert caught.value.row == 1
    with pytest.raises(InvalidKeyError) as caught:
        key_groups([1, 2, bad], 128)
    assert caught.value.row == 2


def test_wrong_arguments_are_not_taken_for_wrong_keys():
    with pytest.raises(ValueError, match="column 0 has 1 rows, the keys 2"):
        partition([1, 2], ([1],), 2, 128)


def test_equal_keys_go_to_one_target():
    keys = [1, True, 1.0, Level.LOW, "ann", Name.ANN, Label("ann")]
    parts = partition(keys, (list(range(7)),), 64, 128)
    assert sorted(sorted(part[0]) for part in parts if part[0]) == [[0, 1, 2, 3], [4, 5, 6]]


def test_key_groups_are_the_same_in_every_process():
    """Python's own hash of a string is not."""
    code = """
from datetime import date
from sage_local.runtime.codec.keys import key_groups
print(key_groups(["the", 1, 2.5, None, date(2024, 5, 1), ("a", b"b")], 32768))
"""
    runs = {
        subprocess.run(
            [sys.executable, "-c", code], check=True, capture_output=True, text=True, env={"PYTHONHASHSEED": seed}
        ).stdout
        for seed in ("1", "2")
    }
    here = key_groups(["the", 1, 2.5, None, date(2024, 5, 1), ("a", b"b")], 32768)
    assert runs == {f"{here}\n"}
