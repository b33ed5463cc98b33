"""The windows themselves: spans of time, and the one window that never ends."""

from typing import NamedTuple

from sage_local.core.elements import MAX_TIMESTAMP


class TimeWindow(NamedTuple):
    """The instants from ``start`` up to, not including, ``end``, in ms since the epoch.

    A tuple, so that as part of a key it hashes and compares in C.
    """

    start: int
    end: int

    @property
    def max_timestamp(self) -> int:
        """The last instant inside: the event time of the window's results."""
        return min(self.end - 1, MAX_TIMESTAMP)

    def touches(self, other: "TimeWindow") -> bool:
        """Whether the two overlap or meet: sessions that do are one session."""
        return self.start <= other.end and other.start <= self.end

    def cover(self, other: "TimeWindow") -> "TimeWindow":
        """The smallest window with both in it."""
        return TimeWindow(min(self.start, other.start), max(self.end, other.end))


class GlobalWindow(NamedTuple):
    """The one window that holds every record of a key; only a trigger ends it."""

    @property
    def max_timestamp(self) -> int:
        """The end of time."""
        return MAX_TIMESTAMP


GLOBAL_WINDOW = GlobalWindow()

Window = TimeWindow | GlobalWindow
