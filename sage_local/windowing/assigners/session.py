"""Windows that end when a key has been silent for a while."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

from sage_local.core.time_domain import TimeDomain
from sage_local.errors import PlanError
from sage_local.windowing.assigner import WindowAssigner
from sage_local.windowing.duration import Duration, positive_ms
from sage_local.windowing.trigger import Trigger
from sage_local.windowing.triggers import EventTimeTrigger, ProcessingTimeTrigger
from sage_local.windowing.windows import TimeWindow


@dataclass(frozen=True, slots=True)
class SessionWindows(WindowAssigner):
    """What session windows of either domain share: exactly one of ``gap_ms`` and ``gap_of`` is set."""

    gap_ms: int | None
    gap_of: Callable[[Any], Duration] | None = None
    merges: ClassVar[bool] = True

    @classmethod
    def with_gap(cls, gap: Duration) -> Self:
        """A session ends ``gap`` after its last record."""
        return cls(positive_ms(gap, "session gap"))

    @classmethod
    def with_dynamic_gap(cls, gap_of: Callable[[Any], Duration]) -> Self:
        """As ``with_gap``, where ``gap_of(record)`` says how long the session stays open after that record."""
        if not callable(gap_of):
            raise PlanError(f"with_dynamic_gap takes a function of the record; found {gap_of!r}: use with_gap()")
        return cls(None, gap_of)

    def assign(self, value: Any, timestamp: int, /) -> Sequence[TimeWindow]:
        """The session that ``value`` would be by itself."""
        gap_ms = self.gap_ms
        if gap_ms is None:
            assert self.gap_of is not None
            gap_ms = positive_ms(self.gap_of(value), "session gap of the record")
        return (TimeWindow(timestamp, timestamp + gap_ms),)


def merge_sessions(windows: Iterable[TimeWindow]) -> list[tuple[TimeWindow, list[TimeWindow]]]:
    """Each session that ``windows`` make, in order of time, with the windows it is made of."""
    merged: list[tuple[TimeWindow, list[TimeWindow]]] = []
    for window in sorted(windows):
        if merged and merged[-1][0].touches(window):
            whole, parts = merged[-1]
            merged[-1] = (whole.cover(window), [*parts, window])
        else:
            merged.append((window, [window]))
    return merged


@dataclass(frozen=True, slots=True)
class EventTimeSessionWindows(SessionWindows):
    """Sessions of the records' own time."""

    domain: ClassVar[TimeDomain] = TimeDomain.EVENT

    def default_trigger(self) -> Trigger:
        """When the watermark passes the end."""
        return EventTimeTrigger()


@dataclass(frozen=True, slots=True)
class ProcessingTimeSessionWindows(SessionWindows):
    """Sessions of the machine's clock."""

    domain: ClassVar[TimeDomain] = TimeDomain.PROCESSING

    def default_trigger(self) -> Trigger:
        """When the clock passes the end."""
        return ProcessingTimeTrigger()
