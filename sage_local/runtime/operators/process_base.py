"""What operators of process functions share: state, timers, the context their functions get, outputs."""

import warnings
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from sage_local.config import OBJECT_REUSE
from sage_local.core.elements import MAX_TIMESTAMP, Element, Watermark
from sage_local.core.time_domain import TimeDomain
from sage_local.functions.state import BroadcastStateDescriptor, MapState
from sage_local.functions.timers import TimerService
from sage_local.runtime.metrics.table import OperatorCounters
from sage_local.runtime.operators.emission import Emission
from sage_local.runtime.operators.managed import ManagedState, Managing
from sage_local.runtime.operators.protocol import TaskContext
from sage_local.runtime.operators.returned import results_of
from sage_local.runtime.operators.user_function import UserFunction
from sage_local.runtime.protocol.blame import blame
from sage_local.runtime.state.timers import Timer


class Context:
    """The ``ctx`` of process functions: one object, changed from call to call."""

    __slots__ = ("_managed", "_writes_broadcast", "time_domain", "timers", "timestamp")

    def __init__(self, managed: ManagedState, *, writes_broadcast: bool = False) -> None:
        self._managed = managed
        self._writes_broadcast = writes_broadcast
        self.timers: TimerService = managed.operator_timers
        self.timestamp: int | None = None
        self.time_domain: TimeDomain | None = None

    @property
    def key(self) -> Any:
        """The key at hand."""
        return self._managed.key

    def broadcast_state(self, descriptor: BroadcastStateDescriptor[Any, Any], /) -> MapState[Any, Any]:
        """The broadcast state, to be changed by the function of the broadcast side only."""
        managed = self._managed
        return managed.broadcast_state(descriptor) if self._writes_broadcast else managed.read_only(descriptor)


class ProcessBase(Managing):
    """Opens and closes the function, fires its timers. ``keyed``: there are keys, so keyed state and timers too."""

    def __init__(self, name: str, function: Any, counters: OperatorCounters, *, keyed: bool) -> None:
        self.name = name
        self.place = counters.place
        self._counters = counters
        self._function = UserFunction(name, function)
        self._keyed = keyed
        self._on_timer = getattr(function, "on_timer", None) if keyed else None

    def open(self, context: TaskContext) -> None:
        """Open the function, with its state as it was in the snapshot, if there was one."""
        managed = self._manage(context, keyed=self._keyed, timed=self._on_timer is not None)
        self._timers = managed.operator_timers
        self._context = Context(managed)
        self._emission = Emission(self._counters, copies=not context.settings[OBJECT_REUSE])
        self._function.open(context, managed)

    def close(self) -> None:
        """Close the function."""
        self._function.close()

    def watermark(self, watermark: Watermark) -> Iterator[Element]:
        """Fire the event-time timers that are due."""
        self._timers.watermark = watermark.timestamp
        if watermark.timestamp == MAX_TIMESTAMP:
            yield from self._fire_last()
        else:
            yield from self._fire(TimeDomain.EVENT, self._timers.due(TimeDomain.EVENT, watermark.timestamp))
        yield watermark

    def next_time_ms(self) -> int | None:
        """See ``ClockTimed``."""
        return self._managed.next_time_ms()

    def advance_time(self, now_ms: int) -> Iterator[Element]:
        """Fire the processing-time timers that are due."""
        self._managed.sweep()
        yield from self._fire(TimeDomain.PROCESSING, self._timers.due(TimeDomain.PROCESSING, now_ms))

    def end(self) -> Iterable[Element]:
        """The last watermark has fired what there was."""
        return ()

    def _fire_last(self) -> Iterator[Element]:
        """Fire every timer there is, of processing time too: that will not come any more."""
        for domain in (TimeDomain.EVENT, TimeDomain.PROCESSING):
            yield from self._fire(domain, self._timers.due_at_end(domain))
        dropped = self._timers.drop_all()
        if dropped:
            warnings.warn(
                f"operator {self.name!r}: {dropped} timers, registered by timers of the end of input for later than"
                " all others of their key, were not fired",
                stacklevel=1,
            )

    def _fire(self, domain: TimeDomain, timers: Iterator[Timer]) -> Iterator[Element]:
        context = self._context
        for timer in timers:
            context.timestamp = timer.timestamp
            context.time_domain = domain
            stamp = timer.timestamp if domain is TimeDomain.EVENT else None
            yield from self._call_timer(timer, stamp)
        yield from self._emission.flush()

    def _call_timer(self, timer: Timer, stamp: int | None) -> Iterator[Element]:
        assert self._on_timer is not None
        try:
            results = results_of(self._on_timer(timer.timestamp, self._context))
            while not self._emission.take(results, stamp):
                yield from self._emission.flush()
        except BaseException as error:
            blame(self.name, FiredTimer(timer.timestamp, timer.key), error)


class FiredTimer(NamedTuple):
    """Stands for the record where a timer failed, also in the ``FailedRecord`` of it."""

    timestamp: int
    key: Any

    def __repr__(self) -> str:
        return f"timer of {self.timestamp} for key {self.key!r}"
