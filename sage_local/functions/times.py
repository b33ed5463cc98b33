"""Times in columns as milliseconds since the epoch."""

from typing import Any, Final

_PER_SECOND: Final = {"s": 1, "ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}
_DAY_MS: Final = 86_400_000
_MAX_SECONDS: Final = 2**63 // 1000
_MAX_MS: Final = 2**62
"""So that the end of a window can be told too."""


def check_time_type(kind: Any, name: str) -> None:
    """Raise ``TypeError`` for a type that tells no time: not a timestamp, a date, or whole milliseconds."""
    import pyarrow as pa

    if not (pa.types.is_timestamp(kind) or pa.types.is_date(kind) or pa.types.is_integer(kind)):
        raise TypeError(
            f"column {name!r} is to tell the event time: expected timestamps, dates or whole milliseconds since the"
            f" epoch, found type {kind}"
        )


def milliseconds(column: Any, name: str) -> Any:
    """The times in ``column`` as an array of numpy; those without a zone are of UTC.

    What is finer than a millisecond is cut off towards the past. ``ValueError`` for a null, ``TypeError`` for a column
    that tells no time.
    """
    import numpy as np
    import pyarrow as pa

    kind = column.type
    check_time_type(kind, name)
    if column.null_count:
        first = column.is_null().index(True).as_py()
        raise ValueError(
            f"column {name!r} is to tell the event time of each record, and is null in {column.null_count} of"
            f" {len(column)}, first in row {first} of a batch: filter these out before"
        )
    if pa.types.is_uint64(kind) and (column.to_numpy() >= 2**63).any():
        raise _out_of_range(name)
    if pa.types.is_integer(kind):
        return column.cast(pa.int64()).to_numpy()
    if pa.types.is_date32(kind):
        return column.cast(pa.int32()).to_numpy().astype(np.int64) * _DAY_MS
    units = column.cast(pa.int64()).to_numpy()
    if pa.types.is_date64(kind):
        return units
    per_second = _PER_SECOND[kind.unit]
    if per_second == 1:
        if len(units) and (units.max() >= _MAX_SECONDS or units.min() <= -_MAX_SECONDS):
            raise _out_of_range(name)
        return units * 1000
    return units if per_second == 1000 else units // (per_second // 1000)


def latest(times: Any, name: str) -> int:
    """The latest of ``times``, milliseconds of column ``name``; ``ValueError`` where one is too large."""
    last = int(times.max())
    if last >= _MAX_MS or int(times.min()) <= -_MAX_MS:
        raise _out_of_range(name)
    return last


def _out_of_range(name: str) -> ValueError:
    return ValueError(f"column {name!r} has a time that is out of range in milliseconds")


def time_type(kind: Any) -> Any:
    """The type of window starts and ends where ``kind`` is that of the times: milliseconds, in the same zone."""
    import pyarrow as pa

    if pa.types.is_timestamp(kind):
        return pa.timestamp("ms", kind.tz)
    return pa.timestamp("ms") if pa.types.is_date(kind) else pa.int64()
