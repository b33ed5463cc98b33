"""Operators of connected streams: one function, a hook per input."""

from collections.abc import Iterator
from typing import Any

from sage_local.core.elements import Element, Rows
from sage_local.functions.co_shape import CoShape
from sage_local.functions.process_binding import bind_connected
from sage_local.plan import operators as specs
from sage_local.runtime.metrics.table import OperatorCounters
from sage_local.runtime.operators.key_reader import KeyReader
from sage_local.runtime.operators.process_base import Context, ProcessBase
from sage_local.runtime.operators.protocol import TaskContext
from sage_local.runtime.operators.returned import elements_of, results_of
from sage_local.runtime.operators.user_function import close_all
from sage_local.runtime.protocol.blame import blame
from sage_local.runtime.state.cursor import NO_KEY

BROADCAST_INPUT = 1
"""Of the broadcast pattern: the stream itself is input 0."""


class Connected(ProcessBase):
    """Calls the hook of the input that a record came by; where inputs are keyed, under its key."""

    def __init__(self, spec: specs.Connected, counters: OperatorCounters) -> None:
        super().__init__(spec.name, spec.function, counters, keyed=any(spec.key_selectors))
        self._shape = spec.shape
        self._hooks = bind_connected(spec.function, spec.shape, len(spec.key_selectors))
        self._readers = [
            None if selector is None else KeyReader(spec.name, selector) for selector in spec.key_selectors
        ]

    def open(self, context: TaskContext) -> None:
        """Open key selectors and function."""
        for reader in self._readers:
            if reader is not None:
                reader.function.open(context)
        super().open(context)
        self._writer = Context(self._managed, writes_broadcast=True)

    def close(self) -> None:
        """Close all."""
        close_all([*(reader.function for reader in self._readers if reader is not None), self._function])

    def process(self, rows: Rows) -> Iterator[Element]:
        """Never called: see ``ManyInputs``."""
        raise NotImplementedError(f"{self.name!r} has several inputs")

    def process_input(self, index: int, rows: Rows) -> Iterator[Element]:
        """One call for each record."""
        reader = self._readers[index]
        keys = None if reader is None else reader.keys(rows)
        self._counters.took(len(rows.values))
        if self._shape in (CoShape.MAP, CoShape.FLAT_MAP):
            yield from self._calls(rows, index, keys)
        else:
            yield from self._calls_with_context(rows, index, keys)
        self._managed.cursor.key = NO_KEY
        self._managed.sweep()
        yield from self._emission.flush()

    def _calls(self, rows: Rows, index: int, keys: list[Any] | None) -> Iterator[Element]:
        hook, emission, cursor, stamps = self._hooks[index], self._emission, self._managed.cursor, rows.timestamps
        maps = self._shape is CoShape.MAP
        for place, record in enumerate(rows.values):
            if keys is not None:
                cursor.key = keys[place]
            stamp = None if stamps is None else stamps[place]
            try:
                returned = hook(record)
                results = iter((returned,)) if maps else elements_of(returned)
                while not emission.take(results, stamp):
                    yield from emission.flush()
            except BaseException as error:
                blame(self.name, record, error)

    def _calls_with_context(self, rows: Rows, index: int, keys: list[Any] | None) -> Iterator[Element]:
        hook, emission, cursor, stamps = self._hooks[index], self._emission, self._managed.cursor, rows.timestamps
        broadcast = self._shape is CoShape.BROADCAST and index == BROADCAST_INPUT
        context = self._writer if broadcast else self._context
        for place, record in enumerate(rows.values):
            if keys is not None:
                cursor.key = keys[place]
            stamp = context.timestamp = None if stamps is None else stamps[place]
            try:
                results = results_of(hook(record, context))
                while not emission.take(results, stamp):
                    yield from emission.flush()
            except BaseException as error:
                blame(self.name, record, error)
