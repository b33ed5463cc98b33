"""``process``: a process function on one stream."""

from collections.abc import Iterator
from typing import Any

from sage_local.core.elements import Element, Rows
from sage_local.functions.process_binding import bind_process
from sage_local.plan import operators as specs
from sage_local.runtime.metrics.table import OperatorCounters
from sage_local.runtime.operators.key_reader import KeyReader
from sage_local.runtime.operators.process_base import ProcessBase
from sage_local.runtime.operators.protocol import TaskContext
from sage_local.runtime.operators.returned import results_of
from sage_local.runtime.operators.user_function import close_all
from sage_local.runtime.protocol.blame import blame
from sage_local.runtime.state.cursor import NO_KEY


class Process(ProcessBase):
    """Calls the function with each record, on a keyed stream under the record's key."""

    def __init__(self, spec: specs.Process, counters: OperatorCounters) -> None:
        super().__init__(spec.name, spec.function, counters, keyed=spec.key_selector is not None)
        self._hook = bind_process(spec.function, keyed=self._keyed)
        self._reader = None if spec.key_selector is None else KeyReader(spec.name, spec.key_selector)

    def open(self, context: TaskContext) -> None:
        """Open key selector and function."""
        if self._reader is not None:
            self._reader.function.open(context)
        super().open(context)

    def close(self) -> None:
        """Close both."""
        close_all([self._function] if self._reader is None else [self._reader.function, self._function])

    def process(self, rows: Rows) -> Iterator[Element]:
        """One call for each record."""
        yield from self._calls(rows, self._hook, None if self._reader is None else self._reader.keys(rows))
        self._managed.sweep()

    def _calls(self, rows: Rows, hook: Any, keys: list[Any] | None) -> Iterator[Element]:
        self._counters.took(len(rows.values))
        emission, context, cursor, stamps = self._emission, self._context, self._managed.cursor, rows.timestamps
        take = emission.take
        stamp: int | None = None
        for index, record in enumerate(rows.values):
            if keys is not None:
                cursor.key = keys[index]
            if stamps is not None:
                stamp = stamps[index]
            context.timestamp = stamp
            try:
                returned = hook(record, context)
                if returned is not None:
                    results = results_of(returned)
                    while not take(results, stamp):
                        yield from emission.flush()
            except BaseException as error:
                blame(self.name, record, error)
        cursor.key = NO_KEY
        yield from emission.flush()
