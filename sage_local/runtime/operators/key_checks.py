"""Keys without a canonical form are refused with the record that has them."""

from collections.abc import Callable, Sequence
from itertools import islice
from typing import Any

from sage_local.runtime.codec.keys import check_key
from sage_local.runtime.protocol.blame import KeyFailed, blame

_PLAIN = frozenset({str, int, bool, bytes, type(None)})
"""Exact types of which every value is a key; the others are looked at one by one."""


def check_keys(operator: str, keys: Sequence[Any], records: Sequence[Any]) -> None:
    """Blame the first of ``records`` whose key is none."""
    if _PLAIN.issuperset(map(type, keys)):
        return
    for key, record in zip(keys, records, strict=True):
        try:
            check_key(key)
        except (TypeError, ValueError) as error:
            blame(operator, record, error, KeyFailed)


def check_new_keys(
    operator: str, space: Any, known: int, keys: Callable[[], Sequence[Any]], records: Sequence[Any]
) -> None:
    """The same for keys that are new in ``space``, which had ``known`` before a batch of ``records`` with ``keys()``.

    Only new keys are looked at, so a stream of few keys costs nothing. They are the last ones in the dictionary, and
    taken from its end: skipping the known ones from its beginning would take time in their number.
    """
    new = list(islice(reversed(space), len(space) - known))
    if _PLAIN.issuperset(map(type, new)):
        return
    try:
        for key in new:
            check_key(key)
    except (TypeError, ValueError):
        check_keys(operator, keys(), records)
