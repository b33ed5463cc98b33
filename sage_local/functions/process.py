"""Process functions: one record at a time with everything the engine can offer: state, timers, side outputs."""

from collections.abc import Iterable
from typing import Any, Generic, Protocol, TypeVar

from sage_local.core.time_domain import TimeDomain
from sage_local.functions.function import Function
from sage_local.functions.output_tag import OutputTag
from sage_local.functions.state import MapState, ReadOnlyMapState, StateDescriptor
from sage_local.functions.timers import TimerService

IN_contra = TypeVar("IN_contra", contravariant=True)
OUT_co = TypeVar("OUT_co", covariant=True)
K_co = TypeVar("K_co", covariant=True)
K = TypeVar("K")
V = TypeVar("V")

Outputs = Iterable[OUT_co | tuple[OutputTag[Any], Any]] | None
"""What a process function yields: records, and ``(tag, record)`` for a side output. ``None`` for nothing."""


class ProcessContext(Protocol):
    """Of the record at hand."""

    @property
    def timestamp(self) -> int | None:
        """The record's event time in ms since the epoch; ``None`` where none was assigned."""

    @property
    def timers(self) -> TimerService:
        """The times; timers can be registered on keyed streams only."""


class KeyedProcessContext(ProcessContext, Protocol[K_co]):
    """Of the record at hand on a keyed stream."""

    @property
    def key(self) -> K_co:
        """The record's key."""


class TimerContext(KeyedProcessContext[K_co], Protocol[K_co]):
    """Of the timer at hand; ``timestamp`` is the timer's."""

    @property
    def time_domain(self) -> TimeDomain:
        """Which time it went by."""


class BroadcastReadContext(ProcessContext, Protocol):
    """Of a record that may look at broadcast state."""

    def broadcast_state(self, descriptor: StateDescriptor[MapState[K, V]], /) -> ReadOnlyMapState[K, V]:
        """The state as it is in this subtask."""


class BroadcastContext(ProcessContext, Protocol):
    """Of a broadcast record, which every subtask gets: do the same with it in each."""

    def broadcast_state(self, descriptor: StateDescriptor[MapState[K, V]], /) -> MapState[K, V]:
        """The state, to be changed."""


class ProcessFunction(Function, Generic[IN_contra, OUT_co]):
    """Any number of records out for each one in, to any outputs: ``yield record`` or ``yield tag, record``."""

    def process(self, value: IN_contra, ctx: ProcessContext, /) -> Outputs[OUT_co]:
        """Called with each record. What it yields carries the record's timestamp."""
        raise NotImplementedError(f"{type(self).__name__} does not override process()")


class KeyedProcessFunction(Function, Generic[K_co, IN_contra, OUT_co]):
    """A process function on a keyed stream: state by ``context.state(...)`` in ``open``, timers by ``ctx.timers``."""

    def process(self, value: IN_contra, ctx: KeyedProcessContext[K_co], /) -> Outputs[OUT_co]:
        """Called with each record, with state and timers of its key."""
        raise NotImplementedError(f"{type(self).__name__} does not override process()")

    def on_timer(self, timestamp: int, ctx: TimerContext[K_co], /) -> Outputs[OUT_co]:
        """Called when a timer fires, with state and timers of the key that registered it.

        What it yields carries the timer's timestamp if that is an event-time timer.
        """
        raise NotImplementedError(f"{type(self).__name__} registered a timer and does not override on_timer()")
