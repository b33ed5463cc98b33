"""Windows of one size that start more often than that, so that they overlap."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import gcd
from typing import Any, ClassVar, Self
from zoneinfo import ZoneInfo

from sage_local.core.time_domain import TimeDomain
from sage_local.errors import PlanError
from sage_local.windowing.assigner import WindowAssigner
from sage_local.windowing.calendar import Grid, grid, time_zone
from sage_local.windowing.duration import Duration, duration_ms, positive_ms
from sage_local.windowing.trigger import Trigger
from sage_local.windowing.triggers import EventTimeTrigger, ProcessingTimeTrigger
from sage_local.windowing.windows import TimeWindow


@dataclass(frozen=True, slots=True)
class SlidingWindows(WindowAssigner):
    """What sliding windows of either domain share.

    ``panes`` is the grid of the largest pieces from which every window can be put together.
    """

    size_ms: int
    slide_ms: int
    offset_ms: int = 0
    zone: ZoneInfo | None = None
    panes: Grid = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "panes", grid(self.pane_ms, self.offset_ms, self.zone))

    def __reduce__(self) -> Any:
        return type(self), (self.size_ms, self.slide_ms, self.offset_ms, self.zone)

    @classmethod
    def of(
        cls, size: Duration, slide: Duration, offset: Duration = 0, *, time_zone: str | ZoneInfo | None = None
    ) -> Self:
        """Windows of ``size``, one starting at every multiple of ``slide``, moved by ``offset``.

        ``time_zone``: as for tumbling windows. A slide longer than the size would leave records out of every window;
        it is refused.
        """
        size_ms, slide_ms = positive_ms(size, "window size"), positive_ms(slide, "window slide")
        if slide_ms > size_ms:
            raise PlanError(
                f"window slide must not be longer than the window size; found slide {slide!r} and size {size!r}:"
                " records between two windows would belong to none. Filter them out first if that is meant"
            )
        return cls(size_ms, slide_ms, duration_ms(offset, "window offset"), _zone(time_zone))

    @property
    def pane_ms(self) -> int:
        """The size of a pane."""
        return gcd(self.size_ms, self.slide_ms)

    @property
    def panes_per_window(self) -> int:
        """How many panes make a window."""
        return self.size_ms // self.pane_ms

    @property
    def panes_per_slide(self) -> int:
        """How many panes lie between the starts of two windows."""
        return self.slide_ms // self.pane_ms

    def window(self, first_pane: int) -> TimeWindow:
        """The window that starts with pane number ``first_pane``."""
        return TimeWindow(self.panes.start(first_pane), self.panes.start(first_pane + self.panes_per_window))

    def assign(self, value: Any, timestamp: int, /) -> Sequence[TimeWindow]:
        """Every window around ``timestamp``, the earliest first."""
        pane = self.panes.cell(timestamp)
        last = pane - pane % self.panes_per_slide
        first = (
            last
            - (self.panes_per_window - 1 - pane % self.panes_per_slide) // self.panes_per_slide * self.panes_per_slide
        )
        return [self.window(start) for start in range(first, last + 1, self.panes_per_slide)]


_zone = time_zone  # ``of`` has a parameter of that name


@dataclass(frozen=True, slots=True)
class SlidingEventTimeWindows(SlidingWindows):
    """Sliding windows of the records' own time."""

    domain: ClassVar[TimeDomain] = TimeDomain.EVENT

    def default_trigger(self) -> Trigger:
        """When the watermark passes the end."""
        return EventTimeTrigger()


@dataclass(frozen=True, slots=True)
class SlidingProcessingTimeWindows(SlidingWindows):
    """Sliding windows of the machine's clock."""

    domain: ClassVar[TimeDomain] = TimeDomain.PROCESSING

    def default_trigger(self) -> Trigger:
        """When the clock passes the end."""
        return ProcessingTimeTrigger()
