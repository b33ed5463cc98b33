"""Map, filter, flat_map and sink, record by record: with keyed state, or with ``on_error``; else they are compiled."""

from collections.abc import Iterable, Iterator
from typing import Any

from sage_local.config import OBJECT_REUSE
from sage_local.core.elements import Element, Rows
from sage_local.functions import Role
from sage_local.plan import operators as specs
from sage_local.runtime.metrics.table import OperatorCounters
from sage_local.runtime.operators.emission import LIMIT
from sage_local.runtime.operators.failures import Diversion
from sage_local.runtime.operators.key_reader import KeyReader
from sage_local.runtime.operators.managed import Managing
from sage_local.runtime.operators.protocol import TaskContext
from sage_local.runtime.operators.returned import elements_of
from sage_local.runtime.operators.user_function import UserFunction, close_all
from sage_local.runtime.protocol.blame import OperatorFailed, blame
from sage_local.runtime.state.apart import apart
from sage_local.runtime.state.cursor import NO_KEY, Cursor

Spec = specs.Map | specs.Filter | specs.FlatMap | specs.Sink

_ROLES: dict[type, Role] = {
    specs.Map: Role.MAP,
    specs.Filter: Role.FILTER,
    specs.FlatMap: Role.FLAT_MAP,
    specs.Sink: Role.SINK,
}


class RecordWise(Managing):
    """Calls the function with each record, under the record's key where the stream has keys."""

    def __init__(self, spec: Spec, counters: OperatorCounters) -> None:
        self.name = spec.name
        self.place = counters.place
        self._spec = spec
        self._counters = counters
        self._function = UserFunction(spec.name, spec.function, _ROLES[type(spec)])
        self._work = {
            specs.Map: self._map,
            specs.Filter: self._filter,
            specs.FlatMap: self._flat_map,
            specs.Sink: self._sink,
        }[type(spec)]
        self._reader = None if spec.key_selector is None else KeyReader(spec.name, spec.key_selector)
        self._diversion: Diversion | None = None

    def open(self, context: TaskContext) -> None:
        """Open key selector and function, with its state as it was in the snapshot, if there was one."""
        if self._spec.on_error != "fail":
            self._diversion = Diversion(self._spec.on_error, self._counters, context.clock, context.task.subtask)
        managed = self._manage(context, keyed=self._reader is not None, timed=False)
        if self._reader is not None:
            self._reader.function.open(context)
        self._function.open(context, managed)
        managed.is_settled = not managed.uses_keyed_state
        # A record may be, or hold, the very object that is kept as state and changes with the next record.
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

    def process(self, rows: Rows) -> Iterator[Element]:
        """One call for each record."""
        self._counters.took(len(rows.values))
        keys = rows.keys
        if self._reader is not None and (self._managed.uses_keyed_state or self._spec.keeps_keys):
            keys = self._reader.keys(rows)
        yield from self._work(rows, keys)
        self._managed.cursor.key = NO_KEY
        self._managed.sweep()

    # In each of these the iterator over the records outlives a failure, so the loop goes on behind the record at fault
    # and no call needs a guard of its own.

    def _map(self, rows: Rows, keys: list[Any] | None) -> Iterator[Element]:
        out: list[Any] = []
        failed: set[int] = set()
        records = self._under_keys(rows, keys)
        call, copies = self._function.call, self._copies
        while True:
            try:
                for place, record in records:  # noqa: B007  # read when one fails
                    result = call(record)
                    out.append(apart(result) if copies else result)
                break
            except BaseException as error:
                failed.add(place)
                yield from self._failed(record, rows, place, error)
        places = [place for place in range(len(rows.values)) if place not in failed] if failed else None
        yield from self._made(out, places, keys, rows)

    def _filter(self, rows: Rows, keys: list[Any] | None) -> Iterator[Element]:
        places: list[int] = []
        records = self._under_keys(rows, keys)
        call = self._function.call
        while True:
            try:
                for place, record in records:
                    if call(record):
                        places.append(place)
                break
            except BaseException as error:
                yield from self._failed(record, rows, place, error)
        yield from self._made([rows.values[place] for place in places], places, keys, rows)

    def _flat_map(self, rows: Rows, keys: list[Any] | None) -> Iterator[Element]:
        out: list[Any] = []
        places: list[int] = []
        call, copies = self._function.call, self._copies
        for place, record in self._under_keys(rows, keys):
            try:
                for result in elements_of(call(record)):
                    out.append(apart(result) if copies else result)
                    places.append(place)
                    if len(out) >= LIMIT:
                        yield from self._made(out, places, keys, rows)
                        out, places = [], []
            except BaseException as error:
                yield from self._failed(record, rows, place, error)
        yield from self._made(out, places, keys, rows)

    def _sink(self, rows: Rows, keys: list[Any] | None) -> Iterator[Element]:
        records = self._under_keys(rows, keys)
        call = self._function.call
        while True:
            try:
                for place, record in records:  # noqa: B007  # read when one fails
                    call(record)
                break
            except BaseException as error:
                yield from self._failed(record, rows, place, error)

    def _under_keys(self, rows: Rows, keys: list[Any] | None) -> Iterator[tuple[int, Any]]:
        """The records with their places, while the cursor stands on each one's key."""
        if keys is None or not self._managed.uses_keyed_state:
            return enumerate(rows.values)
        return _keyed(rows.values, keys, self._managed.cursor)

    def _made(self, out: list[Any], places: list[int] | None, keys: list[Any] | None, rows: Rows) -> Iterator[Element]:
        """``out`` as a batch; ``places`` tells of which record each is, ``None`` that they are of one each."""
        if not out:
            return
        self._counters.gave(len(out))
        kept = keys if self._spec.keeps_keys else None
        stamps = rows.timestamps
        if places is not None:
            kept = None if kept is None else [kept[place] for place in places]
            stamps = None if stamps is None else [stamps[place] for place in places]
        yield Rows(out, kept, stamps)

    def _failed(self, record: Any, rows: Rows, place: int, error: BaseException) -> Iterator[Element]:
        try:
            blame(self.name, record, error)
        except OperatorFailed as failed:
            if self._diversion is None:
                raise
            side = self._diversion.divert(failed, None if rows.timestamps is None else rows.timestamps[place])
            if side is not None:
                yield side


def _keyed(values: list[Any], keys: list[Any], cursor: Cursor) -> Iterator[tuple[int, Any]]:
    for place, record in enumerate(values):
        cursor.key = keys[place]
        yield place, record
