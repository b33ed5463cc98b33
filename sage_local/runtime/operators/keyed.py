"""What keyed operators share: the key of each record, and one value per key."""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import replace
from itertools import islice
from typing import Any, NoReturn

from sage_local.config import OBJECT_REUSE, RuntimeMode
from sage_local.core.elements import Rows
from sage_local.functions import Role
from sage_local.plan.operators import Operator as Spec
from sage_local.runtime.channels.keying import Keying
from sage_local.runtime.metrics.table import OperatorCounters
from sage_local.runtime.operators.key_checks import check_keys, check_new_keys
from sage_local.runtime.operators.managed import new_backend
from sage_local.runtime.operators.protocol import TaskContext
from sage_local.runtime.operators.user_function import UserFunction, close_all
from sage_local.runtime.protocol.blame import blame, record_at
from sage_local.runtime.state.snapshot import StateSnapshot

ROWS_AT_END = 4096
"""Rows of one batch of final results: as many as a frame has at most by default."""

STATE = "values"
"""The name of the table that stands for ``Keyed.state`` in snapshots."""


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
        self._restored: StateSnapshot | None = None

    def open(self, context: TaskContext) -> None:
        """Open the functions."""
        self._context = context
        self._copies = not context.settings[OBJECT_REUSE]
        self._backend = new_backend(context)
        self._table = self._backend.table(STATE)
        self._put_back()
        for function in self._functions():
            function.open(context)

    def close(self) -> None:
        """Close them."""
        close_all(self._functions())

    def snapshot(self) -> StateSnapshot:
        """See ``Stateful``."""
        return self._snapshot(self._backend.snapshot(self._context.key_groups))

    def capture(self, *, changes_only: bool) -> StateSnapshot:
        """See ``Sliced``."""
        capture = self._backend.capture(self._context.key_groups, changes_only=changes_only)
        return replace(self._snapshot({}), capture=capture, is_delta=changes_only)

    def _snapshot(self, chunks: dict[int, list[bytes]]) -> StateSnapshot:
        return StateSnapshot(chunks, entries={STATE: len(self.state)})

    def restore(self, snapshot: StateSnapshot) -> None:
        """See ``Stateful``."""
        self._restored = snapshot

    def _put_back(self) -> None:
        # The dictionary itself is the backend's, so that a snapshot copies nothing.
        self.state = self._table.space()
        if self._restored is not None:
            groups = self._restored.key_groups
            self._backend.restore(chunk for group in self._context.key_groups for chunk in groups.get(group, ()))
            self._restored = None

    def keys(self, rows: Rows) -> list[Any]:
        """The key of each record."""
        if self._keying is not None:
            return self._keying.keys(rows)
        if rows.keys is None:
            raise ValueError(f"records for {self.name!r} carry no keys and it has no key selector")
        return rows.keys

    def announce(self, keys: list[Any]) -> None:
        """What ``state`` has of ``keys`` is about to change."""
        if self._table.wants_changes:
            # A key that can not be hashed is named, with its record, by who meets it in the batch.
            with suppress(TypeError):
                self._table.changed(keys)

    def check_new_keys(self, known: int, keys: list[Any], values: list[Any]) -> None:
        """Refuse keys without a canonical form among those new in ``state``, which had ``known`` before this batch."""
        check_new_keys(self.name, self.state, known, lambda: keys, values)

    def blame(self, keys: list[Any], values: list[Any], records: Any, error: BaseException) -> NoReturn:
        """Raise ``error`` as caused by the record last taken from ``records``, or by its key: a list, a dict."""
        at = len(values) - records.__length_hint__() - 1
        if at >= 0:
            check_keys(self.name, keys[at : at + 1], values[at : at + 1])
        blame(self.name, record_at(values, records), error)

    def _functions(self) -> list[UserFunction]:
        return [self._function] if self._selector is None else [self._selector, self._function]

    def _in_batches(self, results: Iterator[Any]) -> Iterable[Rows]:
        while batch := list(islice(results, ROWS_AT_END)):
            self._counters.gave(len(batch))
            yield Rows(batch)
