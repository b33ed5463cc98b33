"""The two times there are."""

from enum import Enum


class TimeDomain(Enum):
    """Whose clock tells the time of a record or a timer."""

    EVENT = "event time"
    """The records' own timestamps."""
    PROCESSING = "processing time"
    """The machine's clock when the record is processed."""
