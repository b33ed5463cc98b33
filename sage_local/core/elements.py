"""What flows between the operators of a worker."""

from dataclasses import dataclass
from typing import Any, Final

from sage_local.core.data import data

MIN_TIMESTAMP: Final = -(2**63)
"""The watermark before anything is known. No record has this event time."""
MAX_TIMESTAMP: Final = 2**63 - 1
"""The watermark at the end of input: every window and timer is due. No record has this event time."""


@dataclass(slots=True)
class Rows:
    """A batch of records as Python values, in order.

    ``keys`` and ``timestamps`` (event time, ms since the epoch), where present, are as long as ``values``.
    Not frozen, for speed; whoever receives it owns it.
    """

    values: list[Any]
    keys: list[Any] | None = None
    timestamps: list[int] | None = None


class Columns(Rows):
    """A batch of records as columns: ``values`` is a ``pyarrow.RecordBatch``, whose length is the number of records.

    To all that only hands batches on and counts them it is a batch like any other. It has no keys and no timestamps
    beside it: both are columns. Nobody changes it, so it may be shared.
    """

    __slots__ = ()
    values: Any


class Partials(Rows):
    """What records add to windows, in their place: ``values`` are accumulators of one key and one pane each.

    ``keys`` are there, and ``timestamps``: a time of the pane.
    """

    __slots__ = ()


@data
class Watermark:
    """No record of an event time up to ``timestamp`` (ms since the epoch) is expected any more."""

    timestamp: int


@data
class Idleness:
    """Whether the sender has nothing to say about event time now; while idle it does not hold back the watermark."""

    idle: bool


@data
class Split:
    """The records that follow are of split ``number`` of the ``splits`` that a source's task has to read.

    ``has_ended``: it has no more of them. Stays inside the task: it tells an operator which assigns watermarks whose
    event time it is, since each split has its own.
    """

    number: int
    splits: int
    has_ended: bool = False


@data
class Side:
    """Records for the side output ``tag``: operators further down the chain hand them on untouched."""

    tag: str
    rows: Rows


@data
class Barrier:
    """What comes before belongs to ``checkpoint``, what comes after does not.

    ``is_last``: nothing comes after; another execution may go on from here.
    """

    checkpoint: int
    is_last: bool = False


@data
class EndOfStream:
    """Nothing follows on this channel."""


Element = Rows | Watermark | Idleness | Split | Side | Barrier | EndOfStream
