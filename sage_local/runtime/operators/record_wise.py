"""Map, filter, flat_map and sink, record by record: with keyed state, or with ``on_error``; else they are compiled."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from sage_local.config import OBJECT_REUSE
from sage_local.core.elements import Element, Rows
from sage_local.functions import Role
from sage_local.plan import operators as specs
from sage_local.runtime.metrics.table import OperatorCounters
from sage_local.runtime.operators.emission import COPIED, LIMIT
from sage_local.runtime.operators.failures import Diversion
from sage_local.runtime.operators.key_reader import KeyReader
from sage_local.runtime.operators.managed import ManagedState
from sage_local.runtime.operators.protocol import TaskContext
from sage_local.runtime.operators.user_function import UserFunction, close_all
from sage_local.runtime.protocol.blame import OperatorFailed, blame
from sage_local.runtime.state.backend import NO_KEY
from sage_local.runtime.state.snapshot import StateSnapshot

Spec = specs.Map | specs.Filter | specs.FlatMap | specs.Sink

_ROLES: dict[type, Role] = {
    specs.Map: Role.MAP,
    specs.Filter: Role.FILTER,
    specs.FlatMap: Role.FLAT_MAP,
    specs.Sink: Role.SINK,
}


class RecordWise:
    """Calls the function with each record, under the record's key where the stream has keys."""

    def __init__(self, spec: Spec, counters: OperatorCounters) -> None:
        self.name = spec.name
        self.place = counters.place
        self._spec = spec
        self._counters = counters
        self._role = _ROLES[type(spec)]
        self._function = UserFunction(spec.name, spec.function, self._role)
        self._reader = None if spec.key_selector is None else KeyReader(spec.name, spec.key_selector)
        self._restored: StateSnapshot | None = None
        self._diversion: Diversion | None = None

    def open(self, context: TaskContext) -> None:
        """Open key selector and function, with its state as it was in the snapshot, if there was one."""
        if self._spec.on_error != "fail":
            self._diversion = Diversion(self._spec.on_error, self._counters, context.clock, context.task.subtask)
        self._managed = ManagedState(self.name, context, keyed=self._reader is not None, timed=False)
        if self._restored is not None:
            self._managed.restore(self._restored)
        if self._reader is not None:
            self._reader.function.open(context)
        self._function.open(context, self._managed)
        # A record may be the very object that is kept as state and changes with the next record.
        self._copies = self._managed.uses_keyed_state and not context.settings[OBJECT_REUSE]

    def close(self) -> None:
        """Close both."""
        close_all([self._function] if self._reader is None else [self._reader.function, self._function])

    def end(self) -> Iterable[Element]:
        """Nothing is kept back."""
        return ()

    def next_time_ms(self) -> int | None:
        """See ``ClockTimed``: when state expires."""
        return self._managed.next_time_ms()

    def advance_time(self, now_ms: int) -> Iterable[Element]:
        """See ``ClockTimed``."""
        self._managed.sweep()
        return ()

    def snapshot(self) -> StateSnapshot:
        """See ``Stateful``."""
        return self._managed.snapshot()

    def restore(self, snapshot: StateSnapshot) -> None:
        """See ``Stateful``."""
        self._restored = snapshot

    def process(self, rows: Rows) -> Iterator[Element]:
        """One call for each record."""
        self._counters.took(len(rows.values))
        keys = rows.keys
        if self._reader is not None and (self._managed.uses_keyed_state or self._spec.keeps_keys):
            keys = self._reader.keys(rows)
        out: list[Any] = []
        places: list[int] = []  # of the record that each of `out` comes from
        take = self._takers[self._role]
        for index, record in enumerate(rows.values):
            if keys is not None:
                self._managed.cursor.key = keys[index]
            try:
                rest = take(record, out)
                while rest is not None:
                    rest = self._pour(rest, out)
                    if len(out) >= LIMIT:
                        places += [index] * (len(out) - len(places))
                        yield self._made(out, places, keys, rows)
                        out, places = [], []
            except BaseException as error:
                yield from self._failed(record, None if rows.timestamps is None else rows.timestamps[index], error)
            places += [index] * (len(out) - len(places))
        self._managed.cursor.key = NO_KEY
        if out:
            yield self._made(out, places, keys, rows)
        self._managed.sweep()

    @property
    def _takers(self) -> dict[Role, Callable[[Any, list[Any]], Iterator[Any] | None]]:
        return {Role.MAP: self._map, Role.FILTER: self._filter, Role.FLAT_MAP: self._flat_map, Role.SINK: self._sink}

    def _map(self, record: Any, out: list[Any]) -> None:
        result = self._function.call(record)
        out.append(result.copy() if self._copies and type(result) in COPIED else result)

    def _filter(self, record: Any, out: list[Any]) -> None:
        if self._function.call(record):
            out.append(record)

    def _flat_map(self, record: Any, out: list[Any]) -> Iterator[Any]:
        return iter(self._function.call(record))

    def _sink(self, record: Any, out: list[Any]) -> None:
        self._function.call(record)

    def _pour(self, rest: Iterator[Any], out: list[Any]) -> Iterator[Any] | None:
        """Take results until there are enough for a batch; returns what is left, ``None`` when that is nothing."""
        for result in rest:
            out.append(result.copy() if self._copies and type(result) in COPIED else result)
            if len(out) >= LIMIT:
                return rest
        return None

    def _made(self, out: list[Any], places: list[int], keys: list[Any] | None, rows: Rows) -> Rows:
        self._counters.gave(len(out))
        stamps = rows.timestamps
        return Rows(
            out,
            [keys[place] for place in places] if self._spec.keeps_keys and keys is not None else None,
            None if stamps is None else [stamps[place] for place in places],
        )

    def _failed(self, record: Any, stamp: int | None, error: BaseException) -> Iterator[Element]:
        try:
            blame(self.name, record, error)
        except OperatorFailed as failed:
            side = None if self._diversion is None else self._diversion.divert(failed, stamp)
            if self._diversion is None:
                raise
            if side is not None:
                yield side
