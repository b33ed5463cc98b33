"""What keyed operators share: the key of each record, and one value per key."""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

from sage_local.config import RuntimeMode
from sage_local.core.elements import Rows
from sage_local.functions import Role
from sage_local.plan.operators import Operator as Spec
from sage_local.runtime.channels.keying import Keying
from sage_local.runtime.codec.keys import check_key
from sage_local.runtime.metrics.table import OperatorCounters
from sage_local.runtime.operators.protocol import TaskContext
from sage_local.runtime.operators.user_function import UserFunction, close_all
from sage_local.runtime.protocol.blame import OperatorFailed, blame

PLAIN_KEYS = frozenset({str, int, bool, bytes, type(None)})
"""Exact types of which every value is a key; the others are looked at one by one."""
ROWS_AT_END = 4096
"""Rows of one batch of final results: as many as a frame has at most by default."""


class Keyed:
    """Base of the operators with a value per key. ``state`` holds them by key: equal keys are one dictionary key."""

    def __init__(self, spec: Spec, function: UserFunction, mode: RuntimeMode, counters: OperatorCounters) -> None:
        self.name = spec.name
        self.place = counters.place
        self._counters = counters
        self._function = function
        self._mode = mode
        self._selector = None if spec.key_selector is None else UserFunction(spec.name, spec.key_selector, Role.KEY)
        self._keying = None if self._selector is None else Keying(spec.name, self._selector.call)
        self.state: dict[Any, Any] = {}

    def open(self, context: TaskContext) -> None:
        """Open the functions."""
        for function in self._functions():
            function.open(context)

    def close(self) -> None:
        """Close them."""
        close_all(self._functions())

    def keys(self, rows: Rows) -> list[Any]:
        """The key of each record."""
        if self._keying is not None:
            return self._keying.keys(rows)
        if rows.keys is None:
            raise ValueError(f"records for {self.name!r} carry no keys and it has no key selector")
        return rows.keys

    def check_new_keys(self, known: int, keys: list[Any], values: list[Any]) -> None:
        """Refuse keys without a canonical form among those new in ``state``, which had ``known`` before this batch.

        Only new keys are looked at, so a stream of few keys costs nothing; a dictionary keeps the order of arrival.
        """
        if len(self.state) == known:
            return
        # From the end: going there from the beginning would cost as much as there are keys, at every batch.
        new = list(islice(reversed(self.state), len(self.state) - known))[::-1]
        if PLAIN_KEYS.issuperset(map(type, new)):
            return
        for key in new:
            try:
                check_key(key)
            except (TypeError, ValueError) as error:
                record = next((value for other, value in zip(keys, values, strict=True) if other is key), key)
                blame(self.name, record, error)

    def blame_key(self, keys: list[Any], values: list[Any], error: BaseException) -> None:
        """Raise for an unhashable key, if there is one: a list, a dict. Otherwise return."""
        for key, value in zip(keys, values, strict=True):
            try:
                hash(key)
            except TypeError:
                try:
                    check_key(key)
                except (TypeError, ValueError) as refused:
                    raise OperatorFailed(self.name, value, refused) from error

    def _functions(self) -> list[UserFunction]:
        return [self._function] if self._selector is None else [self._selector, self._function]

    def _in_batches(self, results: Iterator[Any]) -> Iterable[Rows]:
        while batch := list(islice(results, ROWS_AT_END)):
            self._counters.gave(len(batch))
            yield Rows(batch)
