"""The built-in aggregates: count, sum, min, max, mean."""

import operator
from collections.abc import Callable
from typing import Any

from sage_local.functions.folds import AggregateFunction

Selector = Callable[[Any], Any] | str | int
"""What a record is aggregated by: a function, a ``dict`` key or attribute name, or the index in a tuple or list."""


def value_getter(selector: Selector | None) -> Callable[[Any], Any] | None:
    """The function that ``selector`` stands for; ``None`` for the record itself."""
    if selector is None or callable(selector):
        return selector
    return operator.itemgetter(selector) if isinstance(selector, int) else Field(selector)


class Field:
    """A ``dict``'s value under a key, or any other record's attribute of that name. A class so that it pickles."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __call__(self, record: Any) -> Any:
        """The value of ``record``."""
        return record[self.name] if isinstance(record, dict) else getattr(record, self.name)


class Count(AggregateFunction[Any, int, int]):
    """How many records a key has."""

    def create_accumulator(self) -> int:
        """Nothing counted."""
        return 0

    def add(self, accumulator: int, value: Any, /) -> int:
        """One more, whatever the record."""
        return accumulator + 1

    def get_result(self, accumulator: int, /) -> int:
        """The number of records."""
        return accumulator

    def merge(self, first: int, second: int, /) -> int:
        """Both numbers together."""
        return first + second


class _Empty:
    """Stands for an accumulator without records: no value is neutral for every type. Pickles by reference."""


class _Fold(AggregateFunction[Any, Any, Any]):
    """Folds the selected values themselves; the accumulator is a value of their type."""

    def __init__(self, selector: Selector | None = None) -> None:
        self.value = value_getter(selector)

    def create_accumulator(self) -> Any:
        """No value yet."""
        return _Empty

    def add(self, accumulator: Any, value: Any, /) -> Any:
        """``accumulator`` folded with the selected value."""
        selected = value if self.value is None else self.value(value)
        return selected if accumulator is _Empty else self.merge(accumulator, selected)

    def get_result(self, accumulator: Any, /) -> Any:
        """The folded value."""
        return accumulator


class Sum(_Fold):
    """The selected values added up with ``+``, from the first one on: numbers, but also text, tuples, vectors."""

    def merge(self, first: Any, second: Any, /) -> Any:
        """Their sum."""
        return first + second


class Min(_Fold):
    """The least of the selected values; the earlier one of equals."""

    def merge(self, first: Any, second: Any, /) -> Any:
        """The lesser."""
        return second if second < first else first


class Max(_Fold):
    """The greatest of the selected values; the earlier one of equals."""

    def merge(self, first: Any, second: Any, /) -> Any:
        """The greater."""
        return second if second > first else first


class Mean(AggregateFunction[Any, tuple[Any, int], Any]):
    """The arithmetic mean of the selected values. The accumulator is their sum and number."""

    def __init__(self, selector: Selector | None = None) -> None:
        self.value = value_getter(selector)

    def create_accumulator(self) -> tuple[Any, int]:
        """No values: sum 0."""
        return 0, 0

    def add(self, accumulator: tuple[Any, int], value: Any, /) -> tuple[Any, int]:
        """The selected value added to the sum."""
        total, number = accumulator
        return total + (value if self.value is None else self.value(value)), number + 1

    def get_result(self, accumulator: tuple[Any, int], /) -> Any:
        """Sum divided by number."""
        total, number = accumulator
        return total / number

    def merge(self, first: tuple[Any, int], second: tuple[Any, int], /) -> tuple[Any, int]:
        """Sums and numbers added."""
        return first[0] + second[0], first[1] + second[1]
