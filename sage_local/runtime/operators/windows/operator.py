"""What all window operators share: keys, times, late records, functions and their failures."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import suppress
from typing import Any

from sage_local.config import OBJECT_REUSE
from sage_local.core.elements import MAX_TIMESTAMP, MIN_TIMESTAMP, Element, Rows, Side, Watermark
from sage_local.core.time_domain import TimeDomain
from sage_local.functions import Role
from sage_local.plan import operators as specs
from sage_local.runtime.channels.keying import Keying
from sage_local.runtime.metrics.table import OperatorCounters
from sage_local.runtime.operators.key_checks import check_keys, check_new_keys
from sage_local.runtime.operators.managed import Managing
from sage_local.runtime.operators.protocol import TaskContext
from sage_local.runtime.operators.timed import Divert
from sage_local.runtime.operators.user_function import UserFunction, close_all
from sage_local.runtime.operators.windows.fold import Fold
from sage_local.runtime.operators.windows.output import Output
from sage_local.runtime.protocol.blame import NO_RECORD, OperatorFailed, blame, record_at
from sage_local.runtime.protocol.explanations import WaitingWindow
from sage_local.runtime.state.backend import VOID, KeyedBackend, Namespace, Table
from sage_local.windowing.windows import TimeWindow


class WindowOperator(Managing, ABC):
    """Base of the window operators. Subclasses fill windows in ``_add`` and empty them in ``_advance``."""

    def __init__(self, spec: specs.Windowed, domain: TimeDomain, counters: OperatorCounters) -> None:
        self.name = spec.name
        self.place = counters.place
        self._spec = spec
        self._domain = domain
        self._counters = counters
        self.divert: Divert | None = None
        """See ``Diverting``."""
        self._now = MIN_TIMESTAMP
        """How far the clock was when last looked at."""
        self._watermark = MIN_TIMESTAMP
        given = (spec.reduce, spec.aggregate, spec.function)
        self._functions = [UserFunction(spec.name, each) for each in given if each is not None]
        self._selector = None if spec.key_selector is None else UserFunction(spec.name, spec.key_selector, Role.KEY)
        self._keying = None if self._selector is None else Keying(spec.name, self._selector.call)

    def open(self, context: TaskContext) -> None:
        """Put back the state, then open the functions."""
        self._clock = context.clock
        self._copies = not context.settings[OBJECT_REUSE]
        managed = self._manage(context, keyed=True, timed=False)
        backend, keyed = managed.backend, managed.keyed
        assert backend is not None
        assert keyed is not None
        self._output = Output(
            self._spec, self._fold(), backend, keyed, self._clock, lambda: self._watermark, copies=self._copies
        )
        self._output.divert = self.divert
        self._prepare(backend)
        for function in self._all_functions():
            # The others are called for records of many keys at a time.
            function.open(context, managed if function.function is self._spec.function else None)

    @abstractmethod
    def _prepare(self, backend: KeyedBackend) -> None:
        """Find the operator's own tables; what was restored is in them."""

    def _fold(self) -> Fold:
        """How records are folded."""
        return Fold(self._spec.reduce, self._spec.aggregate, self._key_function(), copies=self._copies)

    def _key_function(self) -> Callable[[Any], Any] | None:
        if not self._spec.is_keyed:
            return _no_key
        return None if self._selector is None else self._selector.call

    def close(self) -> None:
        """Close the functions."""
        close_all(self._all_functions())

    def _all_functions(self) -> list[UserFunction]:
        return self._functions if self._selector is None else [self._selector, *self._functions]

    def process(self, rows: Rows) -> Iterable[Element]:
        """Put the batch into its windows."""
        if not rows.values:
            return
        self._counters.took(len(rows.values))
        yield from self._counted(self._add(rows))

    def watermark(self, watermark: Watermark) -> Iterable[Element]:
        """Fire what is due. At the end of time, windows of processing time too: nothing in flight is dropped."""
        self._watermark = watermark.timestamp
        if self._domain is TimeDomain.EVENT or watermark.timestamp == MAX_TIMESTAMP:
            yield from self._fire_up_to(watermark.timestamp)
        yield watermark

    def next_time_ms(self) -> int | None:
        """When a window of processing time is due, or expired state has to be looked at."""
        waiting = (self._next_deadline(), self._managed.next_time_ms())
        return min((each for each in waiting if each is not None), default=None)

    def _next_deadline(self) -> int | None:
        return None

    def advance_time(self, now_ms: int) -> Iterable[Element]:
        """Fire what is due by the clock."""
        self._managed.sweep()
        if self._domain is TimeDomain.PROCESSING:
            # A window whose last millisecond is the present one may still get records.
            yield from self._fire_up_to(self._processing_time() - 1)

    def _processing_time(self) -> int:
        """The clock; as windows do not open again, it stands still here while it is behind itself."""
        self._now = max(self._now, self._clock.now_ms())
        return self._now

    def end(self) -> Iterable[Element]:
        """The last watermark has fired what there was."""
        return ()

    def _fire_up_to(self, time: int) -> Iterable[Element]:
        return self._counted(self._advance(time))

    def _counted(self, elements: Iterable[Element]) -> Iterable[Element]:
        for element in elements:
            if isinstance(element, Rows):
                self._counters.gave(len(element.values))
            yield element

    @abstractmethod
    def _add(self, rows: Rows) -> Iterable[Element]: ...

    @abstractmethod
    def _advance(self, time: int) -> Iterable[Element]: ...

    @property
    def windows_of(self) -> str:
        """See ``HasWindows``."""
        return self.name

    @property
    def event_time(self) -> int:
        """The last watermark."""
        return self._watermark

    @property
    def late_dropped(self) -> int:
        """How many records came too late and were taken by no side output."""
        return self._counters.records_late

    @property
    def clock_ms(self) -> int:
        """The time of windows of processing time."""
        return max(self._now, self._clock.now_ms())

    @abstractmethod
    def waiting(self, keys: tuple[Any, ...] | None, most: int) -> list[WaitingWindow]:
        """At most so many of the windows that hold records of any of ``keys`` (``None``: of any), in order of firing.

        For people who ask why a window has not fired; called between batches.
        """

    def _waiting_window(self, window: TimeWindow, keys: int, note: str = "") -> WaitingWindow:
        """A window that fires by its own clock."""
        if self._domain is TimeDomain.EVENT:
            return WaitingWindow(window.start, window.end, window.max_timestamp, "watermark", keys, note)
        return WaitingWindow(window.start, window.end, window.end, "clock", keys, note)

    def _times(self, rows: Rows) -> list[int]:
        """The time of each record in the windows' domain."""
        if self._domain is TimeDomain.PROCESSING:
            return [self._processing_time()] * len(rows.values)
        if rows.timestamps is None:
            error = ValueError(
                "event-time windows need records with timestamps, found records without: call"
                " assign_timestamps_and_watermarks() before key_by()"
            )
            raise OperatorFailed(self.name, rows.values[0], error)
        return rows.timestamps

    def _keys(self, rows: Rows) -> list[Any]:
        if not self._spec.is_keyed:
            return [None] * len(rows.values)
        if rows.keys is not None:
            return rows.keys
        if self._keying is None:
            raise OperatorFailed(self.name, NO_RECORD, ValueError("records carry no keys and there is no key selector"))
        return self._keying.select(rows)

    def _announce(self, table: Table, keys: list[Any], namespace: Namespace = VOID) -> None:
        """What ``table`` has of ``keys`` is about to change."""
        if table.wants_changes:
            # A key that can not be hashed is named, with its record, by who meets it in the batch.
            with suppress(TypeError):
                table.changed(keys, namespace)

    def _late(self, rows: Rows) -> Iterable[Element]:
        """What becomes of records that came too late."""
        tag = getattr(self._spec, "late_tag", None)
        if tag is None:
            self._counters.late(len(rows.values))
        else:
            yield Side(tag, Rows(rows.values, None, rows.timestamps))

    def _blame(self, rows: Rows, records: Iterator[Any], error: BaseException) -> None:
        """Raise ``error`` as caused by the record last taken from ``records``, or as the key's that is none."""
        record = record_at(rows.values, records)
        # Keys that came with the records have been looked at by the exchange.
        if rows.keys is None and self._selector is not None and record is not NO_RECORD:
            check_keys(self.name, self._keys(Rows([record])), [record])
        blame(self.name, record, error)

    def _check_new_keys(self, known: int, space: Any, rows: Rows) -> None:
        """Refuse keys without a canonical form among those new in ``space``, which had ``known`` before ``rows``."""
        check_new_keys(self.name, space, known, lambda: self._keys(rows), rows.values)


def held(keys: tuple[Any, ...] | None, space: Collection[Any]) -> int:
    """How many of ``keys`` (``None``: of all) are in ``space``."""
    return len(space) if keys is None else sum(key in space for key in keys)


def _no_key(record: Any) -> None:
    """The key of every record of ``window_all``."""
