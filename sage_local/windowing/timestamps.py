"""What counts as an event time."""

from datetime import UTC, datetime, timedelta
from operator import index
from typing import Any

from sage_local.core.elements import MAX_TIMESTAMP, MIN_TIMESTAMP

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MS = timedelta(milliseconds=1)
_EXPECTED = "an event time must be an int of milliseconds since the epoch, or a datetime with a time zone"


def event_time_ms(value: Any) -> int:
    """``value`` as milliseconds since the epoch; negative ones are before 1970.

    Raises ``TypeError`` or ``ValueError``: a guess (are these seconds? which zone?) would put records into wrong
    windows.
    """
    if isinstance(value, datetime):
        if value.utcoffset() is None:
            raise ValueError(f"{_EXPECTED}; found {value!r}, which has none: use .replace(tzinfo=...)")
        return (value - _EPOCH) // _MS
    if isinstance(value, bool | float | None) or not hasattr(type(value), "__index__"):
        hint = ": use int(seconds * 1000) if these are seconds" if isinstance(value, float) else ""
        raise TypeError(f"{_EXPECTED}; found {value!r} of type {type(value).__name__}{hint}")
    timestamp = int(index(value))
    if not MIN_TIMESTAMP < timestamp < MAX_TIMESTAMP:
        raise ValueError(f"{_EXPECTED}, more than -2**63 and less than 2**63 - 1; found {value!r}")
    return timestamp
