"""Windows by any assigner, trigger and lateness: one record at a time, as the trigger wants it."""

from collections.abc import Callable, Generator, Iterable, Iterator
from heapq import nsmallest
from typing import Any, NoReturn

from sage_local.core.elements import MAX_TIMESTAMP, Element, Rows, Watermark
from sage_local.core.time_domain import TimeDomain
from sage_local.plan import operators as specs
from sage_local.runtime.metrics.table import OperatorCounters
from sage_local.runtime.operators.key_checks import check_keys
from sage_local.runtime.operators.windows.merging import MergingWindows
from sage_local.runtime.operators.windows.operator import WindowOperator, held
from sage_local.runtime.operators.windows.triggering import Triggering
from sage_local.runtime.protocol.explanations import WaitingWindow
from sage_local.runtime.state.backend import KeyedBackend, remove
from sage_local.runtime.state.timers import Timer, Timers
from sage_local.windowing.assigners import GlobalWindows
from sage_local.windowing.trigger import TriggerResult
from sage_local.windowing.windows import GlobalWindow, TimeWindow, Window


class GeneralWindows(WindowOperator):
    """The namespaces of the table "contents" are the windows; timers have the window for their namespace.

    A window of event time is forgotten when the watermark passes its end by the allowed lateness, one of processing
    time at its end, a global one never.
    """

    def __init__(self, spec: specs.Window, counters: OperatorCounters) -> None:
        super().__init__(spec, spec.assigner.domain, counters)
        self._assigner = spec.assigner
        self._lateness_ms = spec.lateness_ms
        self._trigger = spec.trigger or spec.assigner.default_trigger()

    def _prepare(self, backend: KeyedBackend) -> None:
        self._contents = backend.table("contents")
        self._event_timers = backend.timers("window event")
        self._processing_timers = backend.timers("window processing")
        self._context = Triggering(
            backend.table("trigger"), self._event_timers, self._processing_timers, self._clock, lambda: self._watermark
        )
        self._merging = None
        if self._assigner.merges:
            self._merging = MergingWindows(
                backend.table("merging"),
                self._contents,
                self._trigger,
                self._context,
                self._output.fold,
                self._forget_at,
            )
            self._output.context.has_window_state = False

    def _add(self, rows: Rows) -> Iterable[Element]:
        keys = self._keys(rows)
        if rows.keys is None and self._spec.is_keyed:
            check_keys(self.name, keys, rows.values)
        late: list[int] = []
        records = iter(rows.values)
        times = self._record_times(rows)
        try:
            for index, (key, value, time) in enumerate(zip(keys, records, times, strict=True)):
                is_late = yield from self._add_one(key, value, time)
                if is_late:
                    late.append(index)
        except BaseException as error:
            self._blame(rows, records, error)
        if late:
            stamps = None if rows.timestamps is None else [rows.timestamps[index] for index in late]
            yield from self._late(Rows([rows.values[index] for index in late], None, stamps))
        yield from self._output.flush()

    def _record_times(self, rows: Rows) -> list[int]:
        """The global window asks for no time, and its triggers get the records' own where there is one."""
        if isinstance(self._assigner, GlobalWindows) and rows.timestamps is not None:
            return rows.timestamps
        return self._times(rows)

    def _add_one(self, key: Any, value: Any, time: int) -> Generator[Element, None, bool]:
        """Put one record into its windows; a generator that returns whether it was too late for all of them."""
        was_added = False
        for assigned in self._assigner.assign(value, time):
            window = assigned
            if self._merging is not None:
                window = self._merging.add(key, assigned)
            if self._is_late(window):
                if self._merging is not None:
                    self._merging.retire(key, window)
                continue
            was_added = True
            self._contents.changed((key,), window)
            self._output.fold.add(self._contents.space(window), key, value)
            self._wait_for_the_end(key, window)
            self._context.move(key, window)
            result = self._trigger.on_element(value, time, window, self._context)
            if type(result) is not TriggerResult:
                _refuse(result, self._trigger.on_element)
            yield from self._obey(result, key, window)
        return not was_added and self._domain is TimeDomain.EVENT and time + self._lateness_ms <= self._watermark

    def _is_late(self, window: Window) -> bool:
        return self._domain is TimeDomain.EVENT and self._forget_at(window) <= self._watermark

    def _forget_at(self, window: Window) -> int:
        lateness = self._lateness_ms if self._domain is TimeDomain.EVENT else 0
        return min(window.max_timestamp + lateness, MAX_TIMESTAMP)

    def _wait_for_the_end(self, key: Any, window: Window) -> None:
        if not isinstance(window, GlobalWindow):
            self._own_timers.register(self._forget_at(window), key, window)

    @property
    def _own_timers(self) -> Timers:
        return self._event_timers if self._domain is TimeDomain.EVENT else self._processing_timers

    def _obey(self, result: TriggerResult, key: Any, window: Window) -> Iterator[Element]:
        space = self._contents.find(window)
        if result & TriggerResult.FIRE and space is not None and key in space:
            yield from self._output.add(window, key, space[key])
        if result & TriggerResult.PURGE:
            remove(self._contents, key, window)

    def waiting(self, keys: tuple[Any, ...] | None, most: int) -> list[WaitingWindow]:
        """See ``WindowOperator``."""
        first: dict[Any, tuple[int, str]] = {}
        for timers, clock in ((self._event_timers, "watermark"), (self._processing_timers, "clock")):
            for timer in timers:
                if keys is None or timer.key in keys:
                    known = first.get(timer.namespace)
                    if known is None or timer.timestamp < known[0]:
                        first[timer.namespace] = timer.timestamp, clock
        windows: Any = self._contents.namespaces()
        found = [(window, number) for window in windows if (number := held(keys, self._contents.space(window)))]
        never = (MAX_TIMESTAMP, "watermark")
        ordered = nsmallest(most, found, key=lambda each: first.get(each[0], never)[0])
        return [self._described(window, number, first.get(window)) for window, number in ordered]

    def _described(self, window: Window, keys: int, timer: tuple[int, str] | None) -> WaitingWindow:
        trigger = type(self._trigger).__name__
        if isinstance(window, GlobalWindow):
            note = f"its {trigger} says when it fires"
            return WaitingWindow(None, None, timer and timer[0], timer[1] if timer else "records", keys, note)
        if self._trigger == self._assigner.default_trigger():
            if self._domain is TimeDomain.EVENT and window.max_timestamp <= self._watermark:
                note = "has fired; kept for late records, with each of which it fires again"
                return WaitingWindow(window.start, window.end, None, "records", keys, note)
            return self._waiting_window(TimeWindow(window.start, window.end), keys)
        note = f"its {trigger} is asked then, and with each record; the window is forgotten at its end"
        fires_at, clock = timer or (None, "records")
        return WaitingWindow(window.start, window.end, fires_at, clock, keys, note)

    def watermark(self, watermark: Watermark) -> Iterable[Element]:
        """Fire the timers that are due. At the end of time those of processing time too."""
        self._watermark = watermark.timestamp
        yield from self._fire_up_to(watermark.timestamp)
        yield watermark

    def _next_deadline(self) -> int | None:
        return self._processing_timers.next_timestamp()

    def advance_time(self, now_ms: int) -> Iterable[Element]:
        """Fire the processing-time timers that are due."""
        self._managed.sweep()
        return self._counted(self._fire(self._processing_timers.pop_due(now_ms), TimeDomain.PROCESSING))

    def _advance(self, time: int) -> Iterator[Element]:
        if time < MAX_TIMESTAMP:
            yield from self._fire(self._event_timers.pop_due(time), TimeDomain.EVENT)
            return
        yield from self._fire(self._event_timers.pop_at_end(), TimeDomain.EVENT)
        yield from self._fire(self._processing_timers.pop_at_end(), TimeDomain.PROCESSING)

    def _fire(self, timers: Iterator[Timer], domain: TimeDomain) -> Iterator[Element]:
        for timer in timers:
            window: Any = timer.namespace
            if self._merging is None or self._merging.is_open(timer.key, window):
                yield from self._fire_one(timer.timestamp, timer.key, window, domain)
        yield from self._output.flush()

    def _fire_one(self, timestamp: int, key: Any, window: Window, domain: TimeDomain) -> Iterator[Element]:
        self._context.move(key, window)
        ask = self._trigger.on_event_time if domain is TimeDomain.EVENT else self._trigger.on_processing_time
        try:
            result = ask(timestamp, window, self._context)
            if type(result) is not TriggerResult:
                _refuse(result, ask)
        except BaseException as error:
            yield from self._output.diverted(error, key, window)
        else:
            yield from self._obey(result, key, window)
        is_over = domain is self._domain and not isinstance(window, GlobalWindow)
        if is_over and timestamp == self._forget_at(window):
            yield from self._forget(key, window)

    def _forget(self, key: Any, window: Window) -> Iterator[Element]:
        remove(self._contents, key, window)
        self._context.move(key, window)
        try:
            self._trigger.clear(window, self._context)
        except BaseException as error:
            yield from self._output.diverted(error, key, window)
        self._context.forget()
        yield from self._output.clear(key, window)
        if self._merging is not None:
            self._merging.retire(key, window)


def _refuse(result: object, hook: Callable[..., TriggerResult]) -> NoReturn:
    raise TypeError(f"{hook.__qualname__}() must return a TriggerResult, found {result!r}")
