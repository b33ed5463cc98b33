"""Only what both sides say, and say wrongly, stops a program."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from numbers import Number
from typing import Any, Protocol, TypedDict, TypeVar

import pytest

from sage_local import (
    AggregateFunction,
    FilterFunction,
    LocalEnvironment,
    MapFunction,
    ReduceFunction,
    SinkFunction,
    SourceFunction,
    TypeMismatchError,
)
from sage_local.api.annotations import check_annotations

T = TypeVar("T")


@dataclass
class Point:
    x: int


class Animal:
    pass


class Dog(Animal):
    pass


class Sized(Protocol):
    size: int


class Row(TypedDict):
    x: int


def to_int(value) -> int:
    return 1


def to_str(value) -> str:
    return ""


def to_bool(value) -> bool:
    return True


def to_none(value) -> None:
    return None


def to_dog(value) -> Dog:
    return Dog()


def to_animal(value) -> Animal:
    return Dog()


def to_row(value) -> Row:
    return {"x": 1}


def to_list(value) -> list[int]:
    return []


def to_either(value) -> int | str:
    return 1


def to_any(value) -> Any:
    return 1


def to_words(value) -> list[str]:
    return []


def to_numbers(value) -> Iterator[int]:
    yield 1


def to_text_by_name(value) -> "str":
    return ""


def to_unknown(value) -> "Missing":  # noqa: F821  # an annotation that can not be resolved
    return 1


def to_a_sentence(value) -> "what the value is worth":  # noqa: F722  # some annotate for people
    return 1


def unannotated(value):
    return value


def of_int(value: int):
    return value


def of_str(value: str):
    return value


def of_float(value: float):
    return value


def of_number(value: Number):
    return value


def of_dog(value: Dog):
    return value


def of_animal(value: Animal):
    return value


def of_dict(value: dict):
    return value


def of_sequence(value: Iterable[str]):
    return value


def of_sized(value: Sized):
    return value


def of_anything(value: object):
    return value


def of_generic(value: T) -> T:
    return value


def of_several(*values: int):
    return values


class TakesInt(MapFunction[int, int]):
    def map(self, value: int) -> int:
        return value


class FiltersInt(FilterFunction[int]):
    def process(self, value: int) -> bool:
        return True


class WritesInt(SinkFunction[int]):
    def write(self, value: int) -> None:
        return None


class CallsInt:
    def __call__(self, value: int) -> int:
        return value


def check(build):
    env = LocalEnvironment(config={"parallelism": 1})
    build(env.from_collection([1])).print()
    program = env._program
    check_annotations(program.graph(program.sinks()))


FITTING = [
    (to_int, of_int),
    (to_bool, of_int),
    (to_int, of_float),
    (to_bool, of_float),
    (to_int, of_number),
    (to_dog, of_animal),
    (to_animal, of_dog),
    (to_row, of_dict),
    (to_words, of_sequence),
    (to_int, of_sized),
    (to_int, of_anything),
    (to_int, of_generic),
    (to_int, of_several),
    (to_either, of_str),
    (to_any, of_str),
    (to_unknown, of_str),
    (to_a_sentence, of_str),
    (unannotated, of_str),
    (to_int, unannotated),
    (int, of_int),
    (to_int, str),
    (to_int, print),
    (Point, of_generic),
    (to_int, Point),
    (to_int, TakesInt()),
    (to_int, lambda value: value),
]


@pytest.mark.parametrize(("first", "second"), FITTING)
def test_what_fits_or_says_nothing_passes(first, second):
    check(lambda stream: stream.map(first).map(second))


NOT_FITTING = [
    (to_str, of_int, "str", "int"),
    (to_text_by_name, of_int, "str", "int"),
    (to_none, of_int, "NoneType", "int"),
    (to_list, of_str, "list", "str"),
    (to_row, of_str, "dict", "str"),
    (to_str, of_number, "str", "Number"),
    (to_dog, of_str, "Dog", "str"),
    (str, of_int, "str", "int"),
    (Point, of_int, "Point", "int"),
    (to_str, Point, "str", "int"),
    (to_str, TakesInt(), "str", "int"),
    (to_str, CallsInt(), "str", "int"),
    (TakesInt(), of_str, "int", "str"),
]


@pytest.mark.parametrize(("first", "second", "returned", "taken"), NOT_FITTING)
def test_what_does_not_fit_names_both_operators_and_classes(first, second, returned, taken):
    with pytest.raises(TypeMismatchError) as raised:
        check(lambda stream: stream.map(first, name="one").map(second, name="other"))
    assert str(raised.value) == (
        f"operator 'one' returns {returned}, but operator 'other', which follows it, takes {taken}"
    )


class Sums(AggregateFunction[int, int, int]):
    def add(self, accumulator: int, value: int) -> int:
        return accumulator + value


class Adds(ReduceFunction[int]):
    def reduce(self, first: int, second: int) -> int:
        return first + second


class Texts(SourceFunction[str]):
    def splits(self):
        return []

    def open_split(self, split, position=None):
        raise AssertionError("there is none")


@pytest.mark.parametrize(
    "build",
    [
        lambda stream: stream.map(to_str).filter(FiltersInt()),
        lambda stream: stream.map(to_str).filter(bool).map(of_int),
        lambda stream: stream.flat_map(to_words).map(of_int),
        lambda stream: stream.flat_map(to_numbers).map(of_str),
        lambda stream: stream.flat_map(to_str).map(of_int),
        lambda stream: stream.map(to_str).key_by(unannotated).reduce(Adds()),
        lambda stream: stream.map(to_str).key_by(unannotated).aggregate(Sums()),
        lambda stream: stream.key_by(unannotated).count().map(of_int),
        lambda stream: stream.map(to_int).union(stream.map(to_str)).map(of_int),
    ],
)
def test_every_operator_with_a_function_is_looked_at(build):
    with pytest.raises(TypeMismatchError):
        check(build)


def test_a_sink_is_looked_at():
    env = LocalEnvironment()
    env.from_collection([1]).map(to_str).sink(WritesInt())
    program = env._program
    with pytest.raises(TypeMismatchError):
        check_annotations(program.graph(program.sinks()))


def test_the_type_of_a_source_class_is_known():
    env = LocalEnvironment()
    env.from_source(Texts()).map(of_int).print()
    program = env._program
    with pytest.raises(TypeMismatchError, match="'Texts' returns str"):
        check_annotations(program.graph(program.sinks()))


@pytest.mark.parametrize(
    "build",
    [
        lambda stream: stream.flat_map(to_words).map(of_str),
        lambda stream: stream.map(to_words).flat_map(unannotated).map(of_str),
        lambda stream: stream.key_by(unannotated).count().map(unannotated),
        lambda stream: stream.map(to_int).union(stream.map(to_bool)).filter(unannotated).map(of_str),
    ],
)
def test_what_is_not_known_for_sure_passes(build):
    check(build)
