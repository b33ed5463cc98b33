"""What flows between the operators of a worker."""

from dataclasses import dataclass
from typing import Any


@dataclass(slots=True)
class Rows:
    """A batch of records as Python values, in order.

    ``keys`` and ``timestamps`` (event time, ms since the epoch), where present, are as long as ``values``.
    Not frozen, for speed; whoever receives it owns it.
    """

    values: list[Any]
    keys: list[Any] | None = None
    timestamps: list[int] | None = None


@dataclass(frozen=True, slots=True)
class EndOfStream:
    """Nothing follows on this channel."""


Element = Rows | EndOfStream
