"""Where windows begin and end on a time line or on the calendar of a time zone.

A grid cuts time into cells of one size, counted from 0 at the epoch (plus an offset). In a time zone the cells are
those of the local clock, so a day may have 23 or 25 hours: cell ``k`` begins at the first instant at which the local
clock has reached ``k × size``. What the clock shows twice therefore belongs to the cell it reached first, and a cell
that the clock jumps over is empty; every instant is in exactly one cell.
"""

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Protocol
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sage_local.errors import PlanError

_MS = timedelta(milliseconds=1)
_EPOCH = datetime(1970, 1, 1)
_EPOCH_UTC = _EPOCH.replace(tzinfo=UTC)
_DAY_MS = 86_400_000
# The calendar ends one day before Python's does, so that adding any zone's offset stays inside; farther out, the offset
# at its end holds.
_FIRST_MS = (datetime.min - _EPOCH) // _MS + _DAY_MS
_LAST_MS = (datetime.max - _EPOCH) // _MS - _DAY_MS


class Grid(Protocol):
    """Cells of time."""

    def cell(self, instant: int) -> int:
        """The number of the cell that ``instant`` (ms since the epoch) is in."""

    def start(self, cell: int) -> int:
        """The first instant of a cell; its end is the start of the next."""


class EvenGrid:
    """Cells of ``size_ms``, everywhere the same."""

    __slots__ = ("offset_ms", "size_ms")

    def __init__(self, size_ms: int, offset_ms: int) -> None:
        self.size_ms = size_ms
        self.offset_ms = offset_ms

    def cell(self, instant: int) -> int:
        """The number of the cell that ``instant`` is in."""
        return (instant - self.offset_ms) // self.size_ms

    def start(self, cell: int) -> int:
        """The first instant of a cell."""
        return cell * self.size_ms + self.offset_ms


class LocalGrid:
    """Cells of ``size_ms`` on the local clock of ``zone``."""

    __slots__ = ("_offset_ms", "_size_ms", "_zone", "start")

    def __init__(self, size_ms: int, offset_ms: int, zone: ZoneInfo) -> None:
        self._size_ms = size_ms
        self._offset_ms = offset_ms
        self._zone = zone
        # Neighbouring records ask for the same few cells, and a look at the calendar is worth a hundred records.
        self.start = lru_cache(maxsize=64)(self._start)

    def cell(self, instant: int) -> int:
        """The number of the cell that ``instant`` is in."""
        found = (_local(instant, self._zone) - self._offset_ms) // self._size_ms
        # Set back, the clock shows a cell that is over.
        while self.start(found + 1) <= instant:
            found += 1
        return found

    def _start(self, cell: int) -> int:
        return _first_instant_at(cell * self._size_ms + self._offset_ms, self._zone)


def grid(size_ms: int, offset_ms: int, zone: ZoneInfo | None) -> Grid:
    """The cells of ``size_ms`` counted from ``offset_ms``, on the clock of ``zone`` or UTC."""
    return EvenGrid(size_ms, offset_ms) if zone is None else LocalGrid(size_ms, offset_ms, zone)


def time_zone(name: str | ZoneInfo | None) -> ZoneInfo | None:
    """The zone of that name. Raises ``PlanError`` when the machine knows none."""
    if name is None or isinstance(name, ZoneInfo):
        return name
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError, TypeError) as error:
        raise PlanError(f"time_zone must be the name of a zone such as 'Europe/Berlin'; found {name!r}") from error


def _offset(instant: int, zone: ZoneInfo) -> int:
    inside = min(max(instant, _FIRST_MS), _LAST_MS)
    offset = (_EPOCH_UTC + inside * _MS).astimezone(zone).utcoffset()
    assert offset is not None
    return offset // _MS


def _local(instant: int, zone: ZoneInfo) -> int:
    return instant + _offset(instant, zone)


def _first_instant_at(local: int, zone: ZoneInfo) -> int:
    """The first instant at which the clock of ``zone`` has reached ``local``."""
    if not _FIRST_MS <= local <= _LAST_MS:
        return local - _offset(local, zone)
    wall = (_EPOCH + local * _MS).replace(tzinfo=zone)
    first, last = (_instant(wall.replace(fold=fold)) for fold in (0, 1))
    # fold=0 is the first of two; for a time that the clock jumps over it is the later of two guesses, both wrong.
    if first <= last:
        return first
    low, high = last, first
    while low < high:
        middle = (low + high) // 2
        if _local(middle, zone) >= local:
            high = middle
        else:
            low = middle + 1
    return low


def _instant(wall: datetime) -> int:
    return (wall - _EPOCH_UTC) // _MS
