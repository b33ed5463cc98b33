"""``key_by`` inside a chain, where the keys are needed behind the next operators."""

from collections.abc import Iterable
from typing import Any

from sage_local.core.elements import Element, Rows
from sage_local.runtime.metrics.table import OperatorCounters
from sage_local.runtime.operators.key_reader import KeyReader
from sage_local.runtime.operators.protocol import TaskContext


class KeyAssigner:
    """Puts its key beside each record, unless the exchange has done so. Works for the operator behind it, ``name``."""

    def __init__(self, name: str, selector: Any, counters: OperatorCounters) -> None:
        self.name = name
        self.place = counters.place
        self._reader = KeyReader(name, selector)

    def open(self, context: TaskContext) -> None:
        """Open the selector."""
        self._reader.function.open(context)

    def process(self, rows: Rows) -> Iterable[Element]:
        """The same rows with keys."""
        return (Rows(rows.values, self._reader.keys(rows), rows.timestamps),)

    def end(self) -> Iterable[Element]:
        """Nothing is kept back."""
        return ()

    def close(self) -> None:
        """Close the selector."""
        self._reader.function.close()
