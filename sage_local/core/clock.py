"""The one door through which time enters: the wall clock of the system, or one that a test sets."""

import time
from typing import Protocol


class Clock(Protocol):
    """Wall-clock time. Nothing else in the engine reads it."""

    def now_ms(self) -> int:
        """Milliseconds since the epoch. May step back when the machine's clock is set."""


class SystemClock:
    """The machine's clock."""

    def now_ms(self) -> int:
        """Milliseconds since the epoch."""
        return time.time_ns() // 1_000_000


class ManualClock:
    """A clock that stands still until it is moved: for tests."""

    def __init__(self, now_ms: int = 0) -> None:
        self._now_ms = now_ms

    def now_ms(self) -> int:
        """What the clock was last set to."""
        return self._now_ms

    def set(self, now_ms: int) -> None:
        """Move to ``now_ms``; raises ``ValueError`` for a time before the present one."""
        if now_ms < self._now_ms:
            raise ValueError(f"a clock can not go back: expected at least {self._now_ms} ms, found {now_ms} ms")
        self._now_ms = now_ms

    def advance(self, by_ms: int) -> None:
        """Move on by ``by_ms``."""
        self.set(self._now_ms + by_ms)
