"""What functions of any number of results gave, result by result; what can not be meant is said."""

from collections.abc import Iterator
from types import GeneratorType
from typing import Any

_TAKEN_APART = (str, bytes, bytearray, dict, tuple)
"""Into characters, keys or fields, surely not what was meant: a tuple is a record, or a tag and a record."""


def results_of(returned: Any) -> Iterator[Any]:
    """Of a process or window function, which may return nothing."""
    if type(returned) is GeneratorType:
        return returned
    if returned is None or returned == ():
        return iter(())
    if isinstance(returned, _TAKEN_APART) or not _is_iterable(returned):
        raise TypeError(
            f"expected the function to yield its records or to return them in a list, found {returned!r:.80}"
        )
    return iter(returned)


def elements_of(returned: Any) -> Iterator[Any]:
    """Of a ``flat_map``, which returns an iterable; None is none, so that a forgotten ``return`` shows."""
    if not _is_iterable(returned):
        raise TypeError(f"expected the function to return an iterable of records, found {returned!r:.80}")
    return iter(returned)


def _is_iterable(returned: Any) -> bool:
    return hasattr(returned, "__iter__") or hasattr(returned, "__getitem__")
