"""Time to live: values beside the time they expire at, and an index by which they are found again without a scan."""

from collections.abc import Callable, Iterable, Iterator, MutableMapping
from typing import Any

from sage_local.core.clock import Clock
from sage_local.functions.ttl import StateTtlConfig, TtlUpdate
from sage_local.runtime.state.handles import MISSING, Site, _Handle

_BUCKETS_PER_TTL = 16
"""Keys are noted at most this many times per time to live, however often they are written; what has expired stays in
memory for at most a sixteenth of it longer."""


class ExpiryIndex:
    """Which keys may have something to remove, by the time from which that is so.

    Every value is noted under a bucket that begins no earlier than it expires. A key that was written again is found in
    its old bucket too; looking at it then costs one look-up and removes nothing.
    """

    def __init__(self, ttl_ms: int) -> None:
        self._width_ms = max(1, ttl_ms // _BUCKETS_PER_TTL)
        self._buckets: dict[int, set[Any]] = {}

    def note(self, key: Any, expires_at: int) -> None:
        """``key`` holds something that expires then."""
        bucket = -(-expires_at // self._width_ms)
        keys = self._buckets.get(bucket)
        if keys is None:
            keys = self._buckets[bucket] = set()
        keys.add(key)

    def next_due(self) -> int | None:
        """From when ``due`` has something to give; ``None`` when nothing is noted."""
        return min(self._buckets) * self._width_ms if self._buckets else None

    def due(self, now_ms: int, limit: int) -> Iterator[Any]:
        """Remove and yield up to ``limit`` keys of which something has expired."""
        while self._buckets and limit > 0:
            first = min(self._buckets)  # of some 17 numbers
            if first * self._width_ms > now_ms:
                return
            keys = self._buckets[first]
            while keys and limit > 0:
                limit -= 1
                yield keys.pop()
            if not keys:
                del self._buckets[first]


class Expiry:
    """When one state expires, by its configuration and the clock."""

    __slots__ = ("clock", "index", "on_read", "ttl_ms")

    def __init__(self, config: StateTtlConfig, clock: Clock) -> None:
        self.ttl_ms = config.ttl_ms
        self.on_read = config.update is TtlUpdate.ON_READ_AND_WRITE
        self.clock = clock
        self.index = ExpiryIndex(config.ttl_ms)


class ExpiringValues(MutableMapping[Any, Any]):
    """A table's values, each held as ``(value, expires_at)``; what has expired is not there."""

    def __init__(self, site: Site, expiry: Expiry) -> None:
        self._held = site.values
        self._table = site.table
        self._expiry = expiry
        for key, (_, expires_at) in self._held.items():  # of a restored snapshot
            expiry.index.note(key, expires_at)

    def get(self, key: Any, default: Any = None) -> Any:
        """The value, or ``default`` where there is none or it has expired."""
        found = self._held.get(key)
        if found is None:
            return default
        value, expires_at = found
        if self._expiry.clock.now_ms() >= expires_at:
            self._forget(key)
            return default
        if self._expiry.on_read:
            self._table.changed((key,))
            self[key] = value
        return value

    def _forget(self, key: Any) -> None:
        self._table.changed((key,))
        del self._held[key]

    def __getitem__(self, key: Any) -> Any:
        found = self.get(key, MISSING)
        if found is MISSING:
            raise KeyError(key)
        return found

    def __setitem__(self, key: Any, value: Any) -> None:
        expires_at = self._expiry.clock.now_ms() + self._expiry.ttl_ms
        self._held[key] = (value, expires_at)
        self._expiry.index.note(key, expires_at)

    def __delitem__(self, key: Any) -> None:
        del self._held[key]

    def __iter__(self) -> Iterator[Any]:
        now_ms = self._expiry.clock.now_ms()
        return (key for key, (_, expires_at) in list(self._held.items()) if now_ms < expires_at)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def sweep(self, key: Any, now_ms: int) -> None:
        """Remove the value of ``key`` if it has expired."""
        found = self._held.get(key)
        if found is not None and now_ms >= found[1]:
            self._forget(key)


class _ElementsHandle(_Handle):
    """Base of the states whose elements expire one by one."""

    __slots__ = ("_expiry",)

    def __init__(self, site: Site, expiry: Expiry) -> None:
        super().__init__(site)
        self._expiry = expiry

    def _note(self) -> int:
        expires_at = self._expiry.clock.now_ms() + self._expiry.ttl_ms
        self._expiry.index.note(self._cursor.key, expires_at)
        return expires_at


class ExpiringListHandle(_ElementsHandle):
    """A ``ListState`` with a time to live; the table holds lists of ``(element, expires_at)``."""

    __slots__ = ()

    def __init__(self, site: Site, expiry: Expiry) -> None:
        super().__init__(site, expiry)
        for key, elements in self._values.items():
            for _, expires_at in elements:
                expiry.index.note(key, expires_at)

    def get(self) -> list[Any]:
        """The elements that have not expired."""
        found = self._find()
        if found is MISSING:
            return []
        now_ms = self._expiry.clock.now_ms()
        live = [value for value, expires_at in found if now_ms < expires_at]
        if self._expiry.on_read and live:
            self.update(live)
        elif len(live) < len(found):
            self.sweep(self._cursor.key, now_ms)
        return live

    def add(self, value: Any, /) -> None:
        """Append one."""
        self.add_all((value,))

    def add_all(self, values: Iterable[Any], /) -> None:
        """Append several."""
        found = self._find()
        if found is MISSING:
            self.update(values)
            return
        expires_at = self._note()
        found.extend((value, expires_at) for value in values)

    def update(self, values: Iterable[Any], /) -> None:
        """Replace all."""
        elements = list(values)
        if not elements:
            self.clear()
            return
        self._set([])  # refuses where there is no key, before anything is noted under it
        expires_at = self._note()
        self._set([(value, expires_at) for value in elements])

    def sweep(self, key: Any, now_ms: int) -> None:
        """Remove the elements of ``key`` that have expired."""
        found = self._values.get(key, ())
        live = [element for element in found if now_ms < element[1]]
        if len(live) < len(found):
            self._table.changed((key,))
            _put(self._values, key, live)


class ExpiringMapHandle(_ElementsHandle):
    """A ``MapState`` with a time to live; the table holds dicts of ``(value, expires_at)``."""

    __slots__ = ()

    def __init__(self, site: Site, expiry: Expiry) -> None:
        super().__init__(site, expiry)
        for key, entries in self._values.items():
            for _, expires_at in entries.values():
                expiry.index.note(key, expires_at)

    def get(self, key: Any, default: Any = None, /) -> Any:
        """The value under ``key`` that has not expired, or ``default``."""
        found = self._find()
        entry = None if found is MISSING else found.get(key)
        if entry is None:
            return default
        value, expires_at = entry
        if self._expiry.clock.now_ms() >= expires_at:
            self.remove(key)
            return default
        if self._expiry.on_read:
            found[key] = (value, self._note())
        return value

    def contains(self, key: Any, /) -> bool:
        """Whether there is a value under ``key``."""
        return self.get(key, MISSING) is not MISSING

    def keys(self) -> list[Any]:
        """The keys."""
        return [key for key, _ in self.items()]

    def values(self) -> list[Any]:
        """The values."""
        return [value for _, value in self.items()]

    def items(self) -> list[tuple[Any, Any]]:
        """Keys and values that have not expired."""
        found = self._find()
        if found is MISSING:
            return []
        now_ms = self._expiry.clock.now_ms()
        live = [(key, value) for key, (value, expires_at) in found.items() if now_ms < expires_at]
        if self._expiry.on_read and live:
            expires_at = self._note()
            found.update((key, (value, expires_at)) for key, value in live)
        if len(live) < len(found):
            self.sweep(self._cursor.key, now_ms)
        return live

    def is_empty(self) -> bool:
        """Whether there is no entry."""
        return not self.items()

    def put(self, key: Any, value: Any, /) -> None:
        """Set the value under ``key``."""
        found = self._find()
        if found is MISSING:
            found = {}
            self._set(found)
        found[key] = (value, self._note())

    def put_all(self, entries: dict[Any, Any], /) -> None:
        """Set several."""
        for key, value in entries.items():
            self.put(key, value)

    def remove(self, key: Any, /) -> None:
        """Forget ``key``."""
        found = self._find()
        if found is not MISSING:
            found.pop(key, None)
            if not found:
                self.clear()

    def sweep(self, key: Any, now_ms: int) -> None:
        """Remove the entries of ``key`` that have expired."""
        found = self._values.get(key, {})
        live = {each: entry for each, entry in found.items() if now_ms < entry[1]}
        if len(live) < len(found):
            self._table.changed((key,))
            _put(self._values, key, live)


def _put(values: MutableMapping[Any, Any], key: Any, live: Any) -> None:
    if live:
        values[key] = live
    else:
        values.pop(key, None)


Sweep = Callable[[Any, int], None]
"""Remove what has expired of one key."""
