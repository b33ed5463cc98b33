"""What operators that know of time have beside ``protocol.Operator``."""

from collections.abc import Iterable
from typing import Protocol, runtime_checkable

from sage_local.core.elements import Element, Idleness, SplitStart, Watermark


@runtime_checkable
class EventTimed(Protocol):
    """An operator that acts when event time comes further. Others are passed by: the watermark goes on untouched."""

    def watermark(self, watermark: Watermark) -> Iterable[Element]:
        """What is due by now, and behind it the watermark itself; gone through like the result of ``process``.

        Watermarks come in order. ``MAX_TIMESTAMP`` comes before ``end`` unless the job was stopped without draining.
        """


@runtime_checkable
class ProcessingTimed(Protocol):
    """An operator that acts when the machine's clock comes further."""

    def next_deadline(self) -> int | None:
        """When it wants to be called (ms since the epoch); ``None``: not at all. Cheap, asked after every call."""

    def tick(self) -> Iterable[Element]:
        """Called when the deadline has passed: what is due by the clock now; gone through like ``process``'s result."""


@runtime_checkable
class WatermarkOrigin(Protocol):
    """An operator that makes watermarks itself, from what its task's source tells it."""

    def split_start(self, start: SplitStart) -> Iterable[Element]:
        """The records that follow come from another split of the source."""

    def idleness(self, idleness: Idleness) -> Iterable[Element]:
        """Every input of the task is idle, or one of them is not any more."""
