"""``reduce``: one value per key."""

from collections.abc import Iterable, Iterator
from typing import Any

from sage_local.config import RuntimeMode
from sage_local.core.elements import Element, Rows
from sage_local.functions import Role
from sage_local.plan import operators as specs
from sage_local.runtime.metrics.table import OperatorCounters
from sage_local.runtime.operators.keyed import Keyed
from sage_local.runtime.operators.user_function import UserFunction
from sage_local.runtime.state.folding import reduce as fold


class Reduce(Keyed):
    """Folds each record into its key's value.

    Streaming: emits the value after each record; batch: once per key, at the end.
    """

    def __init__(self, spec: specs.Reduce, mode: RuntimeMode, counters: OperatorCounters) -> None:
        super().__init__(spec, UserFunction(spec.name, spec.function, Role.REDUCE), mode, counters)

    def process(self, rows: Rows) -> Iterable[Element]:
        """Fold the batch."""
        keys, values = self.keys(rows), rows.values
        self.announce(keys)
        self._counters.took(len(values))
        known = len(self.state)
        records = iter(values)
        updates: list[Any] = []
        try:
            self._fold(keys, records, updates)
        except BaseException as error:
            self.blame(keys, values, records, error)
        self.check_new_keys(known, keys, values)
        if self._mode is RuntimeMode.BATCH:
            return ()
        self._counters.gave(len(updates))
        return (Rows(updates, None, rows.timestamps),)

    def _fold(self, keys: list[Any], records: Iterator[Any], updates: list[Any]) -> None:
        wanted = updates if self._mode is RuntimeMode.STREAMING else None
        fold(self.state, keys, records, self._function.call, wanted, self._copies)

    def end(self) -> Iterable[Element]:
        """In batch mode the value of every key."""
        return self._in_batches(iter(self.state.values())) if self._mode is RuntimeMode.BATCH else ()
