"""Windows of one size, side by side."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self
from zoneinfo import ZoneInfo

from sage_local.core.time_domain import TimeDomain
from sage_local.windowing.assigner import WindowAssigner
from sage_local.windowing.calendar import Grid, grid, time_zone
from sage_local.windowing.duration import Duration, duration_ms, positive_ms
from sage_local.windowing.trigger import Trigger
from sage_local.windowing.triggers import EventTimeTrigger, ProcessingTimeTrigger
from sage_local.windowing.windows import TimeWindow


@dataclass(frozen=True, slots=True)
class TumblingWindows(WindowAssigner):
    """What tumbling windows of either domain share."""

    size_ms: int
    offset_ms: int = 0
    zone: ZoneInfo | None = None
    grid: Grid = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "grid", grid(self.size_ms, self.offset_ms, self.zone))

    def __reduce__(self) -> Any:
        return type(self), (self.size_ms, self.offset_ms, self.zone)

    @classmethod
    def of(cls, size: Duration, offset: Duration = 0, *, time_zone: str | ZoneInfo | None = None) -> Self:
        """Windows of ``size`` that start at multiples of it, moved by ``offset``.

        With ``time_zone`` the multiples are those of the local clock: a window of a day is a calendar day, also where
        the clocks change. Without, of UTC.
        """
        return cls(positive_ms(size, "window size"), duration_ms(offset, "window offset"), _zone(time_zone))

    def assign(self, value: Any, timestamp: int, /) -> Sequence[TimeWindow]:
        """The one window around ``timestamp``."""
        cell = self.grid.cell(timestamp)
        return (TimeWindow(self.grid.start(cell), self.grid.start(cell + 1)),)


_zone = time_zone  # ``of`` has a parameter of that name


@dataclass(frozen=True, slots=True)
class TumblingEventTimeWindows(TumblingWindows):
    """Tumbling windows of the records' own time."""

    domain: ClassVar[TimeDomain] = TimeDomain.EVENT

    def default_trigger(self) -> Trigger:
        """When the watermark passes the end."""
        return EventTimeTrigger()


@dataclass(frozen=True, slots=True)
class TumblingProcessingTimeWindows(TumblingWindows):
    """Tumbling windows of the machine's clock."""

    domain: ClassVar[TimeDomain] = TimeDomain.PROCESSING

    def default_trigger(self) -> Trigger:
        """When the clock passes the end."""
        return ProcessingTimeTrigger()
