"""Timers as users see them."""

from typing import Protocol


class TimerService(Protocol):
    """The times, and timers of the key at hand: ``on_timer`` is called with their timestamp, once for each.

    Timestamps are ms since the epoch. A timer for a time that has passed is due at once: an event-time timer fires with
    the next watermark, a processing-time timer as soon as the batch at hand is done. At the end of input all timers
    fire, of both domains; one that a timer of then registers fires too, unless it lies behind all that its key had:
    what might never come to an end is dropped with a warning.
    """

    @property
    def current_processing_time(self) -> int:
        """The clock's time."""

    @property
    def current_watermark(self) -> int:
        """The watermark of the operator; ``core.elements.MIN_TIMESTAMP`` before the first."""

    def register_event_time_timer(self, timestamp: int, /) -> None:
        """Call ``on_timer`` when the watermark reaches ``timestamp``. Registering the same twice is once.

        Raises ``StateError`` where there is no key, and for what is no int of ms.
        """

    def register_processing_time_timer(self, timestamp: int, /) -> None:
        """Call ``on_timer`` when the clock reaches ``timestamp``."""

    def delete_event_time_timer(self, timestamp: int, /) -> None:
        """Forget the timer; nothing happens where there is none."""

    def delete_processing_time_timer(self, timestamp: int, /) -> None:
        """Forget the timer; nothing happens where there is none."""
