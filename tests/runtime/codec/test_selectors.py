"""Selectors are looked through only where that makes no difference."""

import operator
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import pytest

from sage_local.functions.aggregates import Field
from sage_local.runtime.codec.selectors import selecting, selection


class Reading(NamedTuple):
    name: str
    value: int


class Odd:
    """Neither a tuple nor a list nor a dict."""

    value = 7

    def __getitem__(self, item: object) -> object:
        return ("item", item)


def stops(record: Any) -> Any:
    raise StopIteration


SIMPLE: list[Callable[[Any], Any]] = [
    lambda r: r,
    lambda r: r[1],
    lambda r: r[-1],
    lambda r: r.value,
    operator.itemgetter(0),
    Field("value"),
]


@pytest.mark.parametrize("selector", SIMPLE)
@pytest.mark.parametrize("record", [Reading("a", 5), Odd()])
def test_a_simple_selector_is_not_called_and_says_the_same(selector: Callable[[Any], Any], record: Any) -> None:
    assert selection(selector) is not None
    assert selecting(selector)(iter([record] * 3)) == [selector(record)] * 3


@pytest.mark.parametrize(
    "selector", [lambda r: r[1] + 1, lambda r: r[len(r) - 1], operator.itemgetter(0, 1), lambda *r: r[0][1], max]
)
def test_any_other_selector_is_called(selector: Callable[[Any], Any]) -> None:
    assert selection(selector) is None
    assert selecting(selector)(iter([(3, 5), (4, 2)])) == [selector((3, 5)), selector((4, 2))]


@pytest.mark.parametrize(
    ("selector", "error"),
    [(lambda r: r[1], IndexError), (lambda r: r.value, AttributeError), (lambda r: r[1] + 0, IndexError)],
)
def test_an_error_leaves_the_iterator_behind_the_record_at_fault(
    selector: Callable[[Any], Any], error: type[Exception]
) -> None:
    records: Iterator[Any] = iter([Reading("a", 1), (1,), Reading("b", 2)])
    with pytest.raises(error):
        selecting(selector)(records)
    assert operator.length_hint(records) == 1


def test_an_end_of_iteration_out_of_a_selector_is_an_error() -> None:
    with pytest.raises(StopIteration):
        selecting(stops)(iter([1, 2]))
