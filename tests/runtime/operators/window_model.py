"""What windows mean, said again as simply as possible: one record at a time, every window a list of records.

Shares nothing with the engine but the constant of the end of time. Windows are (start, end); a trigger is a ``Firing``.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

END = 2**63 - 1
BEGINNING = -(2**63)

Span = tuple[int, int]
Event = tuple[Any, int, Any]  # key, time, value
Step = list[Event] | int  # a batch, or a watermark
Fired = tuple[Any, Span, list[Any]]  # key, window, its records in order of arrival


@dataclass(frozen=True)
class Firing:
    """By ``kind``: "end" of the window; "count" of records; "every" so many ms of event time, and the end."""

    kind: str = "end"
    number: int = 0
    purges: bool = False


@dataclass
class Open:
    records: list[tuple[int, int, Any]] = field(default_factory=list)  # (order, time, value)
    timers: set[int] = field(default_factory=set)
    count: int = 0
    waiting: int | None = None


def sliding(size: int, slide: int, offset: int = 0) -> Callable[[int], list[Span]]:
    """All windows around a time, found by looking at every start that is possible."""

    def assign(time: int) -> list[Span]:
        first = (time - size - offset) // slide - 1
        starts = [n * slide + offset for n in range(first, first + (size // slide) + 4)]
        return [(start, start + size) for start in starts if start <= time < start + size]

    return assign


class Model:
    """Windows under any trigger and lateness; ``gap`` makes them sessions."""

    def __init__(
        self,
        assign: Callable[[int], list[Span]] | None,
        *,
        gap: int | None = None,
        lateness: int = 0,
        firing: Firing | None = None,
    ) -> None:
        self._assign = assign
        self._gap = gap
        self._lateness = lateness
        self._firing = firing or Firing()
        self._open: dict[Any, dict[Span, Open]] = {}
        self._watermark = BEGINNING
        self._arrived = 0
        self.late: list[Event] = []

    def run(self, steps: list[Step]) -> list[list[Fired]]:
        """What fires at each step, and at the end of time."""
        return [list(self._step(step)) for step in [*steps, END]]

    def _step(self, step: Step) -> Iterator[Fired]:
        if isinstance(step, int):
            self._watermark = step
            yield from self._due()
            return
        for event in step:
            yield from self._add(event)

    def _add(self, event: Event) -> Iterator[Fired]:
        key, time, value = event
        self._arrived += 1
        windows = self._open.setdefault(key, {})
        spans = self._assign(time) if self._assign else [self._merge(windows, (time, time + self._gap))]
        added = False
        for span in spans:
            if self._over_at(span) <= self._watermark:
                windows.pop(span, None)
                continue
            added = True
            window = windows.setdefault(span, Open())
            window.records.append((self._arrived, time, value))
            window.timers.add(self._over_at(span))
            if self._on_element(time, span, window):
                yield from self._fire(key, span, window)
        if not added and time + self._lateness <= self._watermark:
            self.late.append(event)

    def _merge(self, windows: dict[Span, Open], own: Span) -> Span:
        joined = [span for span in windows if span[0] <= own[1] and own[0] <= span[1]]
        whole = (min(start for start, _ in [own, *joined]), max(end for _, end in [own, *joined]))
        if joined == [whole]:
            return whole
        parts = [windows.pop(span) for span in sorted(joined)]
        merged = windows[whole] = Open()
        for part in parts:
            merged.records += part.records
            merged.count += part.count
        waiting = [part.waiting for part in parts if part.waiting is not None]
        if parts and self._firing.kind != "count" and last(whole) > self._watermark:
            merged.timers.add(last(whole))
        if waiting and min(waiting) < last(whole):
            merged.waiting = min(waiting)
            merged.timers.add(merged.waiting)
        return whole

    def _on_element(self, time: int, span: Span, window: Open) -> bool:
        if self._firing.kind == "count":
            # Of sessions that have merged it may be more than that number.
            window.count += 1
            if window.count < self._firing.number:
                return False
            window.count = 0
            return True
        if last(span) <= self._watermark:
            return True
        window.timers.add(last(span))
        if self._firing.kind == "every" and window.waiting is None:
            self._wait(window, span, (time // self._firing.number + 1) * self._firing.number)
        return False

    def _wait(self, window: Open, span: Span, time: int) -> None:
        if time < last(span):
            window.waiting = time
            window.timers.add(time)

    def _due(self) -> Iterator[Fired]:
        while due := [
            (time, key, span)
            for key, windows in self._open.items()
            for span, window in windows.items()
            for time in window.timers
            if time <= self._watermark
        ]:
            time, key, span = min(due, key=lambda each: each[0])
            window = self._open[key][span]
            window.timers.remove(time)
            if self._on_time(time, span, window):
                yield from self._fire(key, span, window)
            if time == self._over_at(span):
                del self._open[key][span]

    def _on_time(self, time: int, span: Span, window: Open) -> bool:
        if self._firing.kind == "count":
            return False
        if time == last(span):
            return True
        if time != window.waiting:
            return False
        window.waiting = None
        self._wait(window, span, time + self._firing.number)
        return True

    def _fire(self, key: Any, span: Span, window: Open) -> Iterator[Fired]:
        if window.records:
            yield key, span, [value for _, _, value in window.records]
        if self._firing.purges:
            window.records = []

    def _over_at(self, span: Span) -> int:
        return min(last(span) + self._lateness, END)


def last(span: Span) -> int:
    return min(span[1] - 1, END)
