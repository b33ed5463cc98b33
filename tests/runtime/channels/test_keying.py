"""Key selectors."""

import functools
import itertools

import pytest

from sage_local.core.elements import Rows
from sage_local.runtime.channels.keying import Keying
from sage_local.runtime.codec.selectors import is_identity
from sage_local.runtime.protocol.blame import OperatorFailed


def named(value):
    return value


def outer(given):
    return lambda value: given


class Method:
    def __call__(self, value):
        return value


def generator(value):
    yield value


def unset(value):
    return other  # noqa: F821  # the local below: there is no value in it
    other = value  # noqa: F841  # makes the name above a local


@pytest.mark.parametrize("function", [lambda value: value, lambda w: w, named])
def test_the_identity_is_recognised_under_any_name(function):
    assert is_identity(function)


@pytest.mark.parametrize(
    "function",
    [
        lambda value: (value,),
        lambda value, other=1: value,
        lambda value, other=1: other,
        lambda *value: value,
        lambda **value: value,
        lambda *, value=1: value,
        outer(1),
        generator,
        unset,
        functools.partial(named),
        Method(),
        str,
    ],
)
def test_nothing_else_is_taken_for_the_identity(function):
    assert not is_identity(function)


def test_the_keys_of_an_identity_are_the_records_themselves():
    rows = Rows(["a", "b"])
    assert Keying("count", lambda value: value).keys(rows) is rows.values


def test_keys_that_came_along_are_not_asked_for_again():
    rows = Rows([1, 2], ["a", "b"])
    assert Keying("count", lambda value: 1 / 0).keys(rows) == ["a", "b"]


def test_a_selector_that_raises_names_the_record():
    with pytest.raises(OperatorFailed) as raised:
        Keying("count", lambda record: record["key"]).keys(Rows([{"key": 1}, {}]))
    assert (raised.value.operator, raised.value.record) == ("count", {})
    assert isinstance(raised.value.error, KeyError)


def test_a_selector_that_is_not_stable_names_the_record_that_it_was_asked_about_again():
    asked = itertools.count()
    with pytest.raises(OperatorFailed) as raised:
        Keying("count", lambda record: next(asked)).keys(Rows(["first", "second"]))
    assert raised.value.record == "first"
    assert "for 'first' it returned 0, and asked again 2" in str(raised.value.error)
