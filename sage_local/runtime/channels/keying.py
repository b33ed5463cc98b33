"""The keys of records."""

import reprlib
from collections.abc import Callable
from typing import Any

from sage_local.core.elements import Rows
from sage_local.errors import InvalidKeyError
from sage_local.runtime.codec.keys import check_key
from sage_local.runtime.codec.selectors import is_identity, selecting
from sage_local.runtime.protocol.blame import KeyFailed, blame, record_at

_COMPARED = frozenset({int, str, bytes, bool, tuple})
"""Not float: a NaN, refused with better words elsewhere, differs from itself."""


class Keying:
    """One key selector, already bound, in the hands of operator ``operator``, which is named when it raises."""

    def __init__(self, operator: str, selector: Callable[[Any], Any]) -> None:
        self.operator = operator
        self.is_identity = is_identity(selector)
        self._selector = selector
        self._select_all = selecting(selector)

    def keys(self, rows: Rows) -> list[Any]:
        """The key of each record: those that came along, or the selector's. May be the list of values itself."""
        return self.select(rows) if rows.keys is None else rows.keys

    def select(self, rows: Rows) -> list[Any]:
        """What the selector says is the key of each record, whatever keys came along from an earlier ``key_by``."""
        if self.is_identity:
            return rows.values
        records = iter(rows.values)
        try:
            keys = self._select_all(records)
        except BaseException as error:
            blame(self.operator, record_at(rows.values, records), error, KeyFailed)
        if keys:
            try:
                self._check_stable(rows.values[0], keys[0])
            except BaseException as error:
                blame(self.operator, rows.values[0], error, KeyFailed)
        return keys

    def _check_stable(self, record: Any, key: Any) -> None:
        """Ask again for one record of the batch: a key made of chance or a counter would scatter the state of a key."""
        again = self._selector(record)
        if type(again) in _COMPARED and again != key:
            # A NaN inside a tuple differs from itself, and is told of in other words.
            check_key(key)
            raise InvalidKeyError(
                f"the key selector of {self.operator!r} is not stable: for {reprlib.repr(record)} it returned"
                f" {reprlib.repr(key)}, and asked again {reprlib.repr(again)}"
            )
