"""What passes through a channel at once, and the two ends of a channel."""

from dataclasses import dataclass
from typing import Protocol

from sage_local.core.elements import Element, Split


@dataclass(slots=True)
class Frame:
    """An element on its way.

    ``ends_turn``: the last one of the answer to a turn (see ``runtime/protocol/turns.py``).
    """

    element: Element
    ends_turn: bool = False
    input_index: int = 0
    """By which input of the operator it came; known to the receiver alone."""
    split: Split | None = None
    """Of which split its records are, where that is not the one of the records before; known to a source alone."""


class Sender(Protocol):
    """The sending end of a channel. Never blocks."""

    is_local: bool
    """Whether objects are handed over as they are, without encoding."""

    @property
    def is_writing(self) -> bool:
        """Whether a part of what was sent still has to find room."""

    @property
    def has_room(self) -> bool:
        """Whether ``send`` may be called now."""

    @property
    def is_drained(self) -> bool:
        """Whether the receiver has finished with everything sent: it is idle, as far as this channel goes."""

    @property
    def rows_wanted(self) -> int:
        """How many rows make a frame that is worth its while, by what the receiver consumed lately."""

    @property
    def consumed_per_ns(self) -> float | None:
        """Rows that the receiver consumes per nanosecond.

        0 when rows are on the way but none was seen consumed yet, ``None`` when nothing is known.
        """

    def send(self, frame: Frame) -> None:
        """Take over ``frame``; only when ``has_room``."""

    def flush(self, now_ns: int) -> None:
        """Go on with what did not fit, and see what the receiver has consumed."""


class Receiver(Protocol):
    """The receiving end of a channel. Never blocks."""

    def receive(self) -> Frame | None:
        """The next frame, or ``None`` when there is none yet. ``release`` the one before first."""

    def release(self) -> None:
        """The frame last received is dealt with: only now does it stop counting as on the way."""
