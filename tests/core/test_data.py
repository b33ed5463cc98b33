"""Classes of data behave as frozen dataclasses of slots do."""

import pickle
from dataclasses import FrozenInstanceError, dataclass, fields, replace

import pytest

from sage_local.core.data import data, keyword_data


@data
class Point:
    """By position."""

    x: int
    y: int = 0


@keyword_data
class Named:
    """By name."""

    name: str
    note: str = "none"


@keyword_data
class Counted(Named):
    """With a field without a default behind one with."""

    count: int


@data
class Checked:
    """Looks at what it is given."""

    value: int

    def __post_init__(self) -> None:
        if self.value < 0:
            raise ValueError("expected at least 0")


@data
class Nothing:
    """Has no fields."""


def test_fields_are_given_by_position_or_name_and_have_defaults() -> None:
    assert (Point(1).y, Point(1, 2).y, Point(x=1, y=3).y) == (0, 2, 3)


def test_keyword_data_refuses_positions() -> None:
    with pytest.raises(TypeError, match=r"Named\.__init__\(\) takes 1 positional argument"):
        Named("a")


def test_a_missing_field_is_an_error_that_names_it() -> None:
    with pytest.raises(TypeError, match="'count'"):
        Counted(name="a")


def test_equal_classes_with_equal_fields_are_equal_and_hash_alike() -> None:
    assert Counted(name="a", count=1) == Counted(name="a", count=1)
    assert hash(Point(1, 2)) == hash(Point(1, 2))
    assert Point(1, 2) != Point(1, 3)
    assert Nothing() == Nothing()


def test_different_classes_are_different() -> None:
    assert Named(name="a").__eq__(Checked(1)) is NotImplemented
    assert Nothing().__eq__(Point(0)) is NotImplemented


def test_instances_are_frozen_and_have_no_other_attributes() -> None:
    for name in ("x", "other"):
        with pytest.raises(FrozenInstanceError):
            setattr(Point(1), name, 2)
    with pytest.raises(FrozenInstanceError):
        del Point(1).x
    assert not hasattr(Point(1), "__dict__")


def test_the_representation_names_class_and_fields() -> None:
    assert repr(Counted(name="a", count=1)) == "Counted(name='a', note='none', count=1)"


def test_instances_survive_pickling() -> None:
    assert pickle.loads(pickle.dumps(Counted(name="a", count=1))) == Counted(name="a", count=1)
    assert pickle.loads(pickle.dumps(Nothing())) == Nothing()


def test_dataclasses_knows_their_fields_and_replaces_them() -> None:
    assert [field.name for field in fields(Counted)] == ["name", "note", "count"]
    assert replace(Counted(name="a", count=1), count=2) == Counted(name="a", count=2)


def test_patterns_match_by_position() -> None:
    match Point(1, 2):
        case Point(x, y):
            assert (x, y) == (1, 2)


def test_post_init_is_called() -> None:
    with pytest.raises(ValueError, match="at least 0"):
        Checked(-1)


def test_a_class_may_bring_its_own_methods() -> None:
    @data
    class Loose:
        """Equal to everything of its class."""

        value: int

        def __eq__(self, other: object) -> bool:
            return isinstance(other, Loose)

        def __hash__(self) -> int:
            return 0

    assert Loose(1) == Loose(2)
    assert hash(Loose(1)) == 0


def test_a_dataclass_as_base_is_refused() -> None:
    """Its fields would be missing without a word."""

    @dataclass(frozen=True)
    class Base:
        x: int

    with pytest.raises(TypeError, match="Base is a dataclass, so its subclasses have to be too"):

        @data
        class Derived(Base):
            y: int
