"""Timers of one time domain: a heap of timestamps, and under each the keys that wait for it."""

from collections.abc import Hashable, Iterable, Iterator
from heapq import heapify, heappop, heappush
from typing import Any, NamedTuple

from sage_local.core.elements import MAX_TIMESTAMP, MIN_TIMESTAMP


class Timer(NamedTuple):
    """One timer; equal ones are the same timer."""

    timestamp: int
    key: Any
    namespace: Hashable = None


_Entry = tuple[Any, Hashable]
_COMPACT_ABOVE = 64
"""Heaps smaller than this are not worth rebuilding."""


class Timers:
    """Timers in order of their timestamps, and in order of registration within one.

    Registering is O(log d) for d distinct timestamps, deleting O(1), so windows that end together cost one heap entry.
    A bucket of one (key, namespace), the usual case without windows, is held bare: a dict for each would double the
    memory.
    """

    __slots__ = ("_buckets", "_frozen", "_heap", "_last", "_size", "_stale")

    def __init__(self) -> None:
        self._buckets: dict[int, _Entry | dict[_Entry, None]] = {}
        self._frozen: dict[int, _Entry | dict[_Entry, None]] = {}  # buckets in it are copied before they are changed
        self._heap: list[int] = []
        self._stale: set[int] = set()  # in the heap, without a bucket
        self._size = 0
        self._last: dict[_Entry, int] | None = None  # of each key, once time has ended

    def __len__(self) -> int:
        return self._size

    def __iter__(self) -> Iterator[Timer]:
        """Every timer, in no order."""
        return _timers(self._buckets)

    def freeze(self) -> Iterator[Timer]:
        """Every timer there is now, whatever happens until ``thaw``."""
        self._frozen = self._buckets.copy()
        return _timers(self._frozen)

    def thaw(self) -> None:
        """Nobody asks for what was any more."""
        self._frozen = {}

    def __contains__(self, timer: Timer) -> bool:
        bucket = self._buckets.get(timer.timestamp)
        entry = (timer.key, timer.namespace)
        return entry in bucket if isinstance(bucket, dict) else bucket == entry

    def register(self, timestamp: int, key: Any, namespace: Hashable = None) -> None:
        """Wake ``key`` at ``timestamp``; nothing happens when that timer is there already."""
        entry = (key, namespace)
        bucket = self._buckets.get(timestamp)
        if bucket is None:
            self._buckets[timestamp] = entry
            self._size += 1
            if timestamp in self._stale:
                self._stale.remove(timestamp)
            else:
                heappush(self._heap, timestamp)
            return
        if not isinstance(bucket, dict):
            if bucket == entry:
                return
            bucket = self._buckets[timestamp] = {bucket: None}
        bucket = self._owned(timestamp, bucket)
        before = len(bucket)
        bucket[entry] = None
        self._size += len(bucket) - before

    def delete(self, timestamp: int, key: Any, namespace: Hashable = None) -> None:
        """Forget a timer; nothing happens when there is none."""
        entry = (key, namespace)
        bucket = self._buckets.get(timestamp)
        if isinstance(bucket, dict):
            if entry not in bucket:
                return
            bucket = self._owned(timestamp, bucket)
            del bucket[entry]
        elif bucket != entry:
            return
        self._size -= 1
        if not isinstance(bucket, dict) or not bucket:
            del self._buckets[timestamp]
            self._stale.add(timestamp)
            self._compact()

    def _owned(self, timestamp: int, bucket: dict[_Entry, None]) -> dict[_Entry, None]:
        if self._frozen.get(timestamp) is bucket:
            bucket = self._buckets[timestamp] = bucket.copy()
        return bucket

    def _compact(self) -> None:
        if len(self._stale) > max(_COMPACT_ABOVE, len(self._heap) // 2):
            self._heap = list(self._buckets)
            heapify(self._heap)
            self._stale.clear()

    def next_timestamp(self) -> int | None:
        """When the first timer is due; ``None`` when there is none."""
        while self._heap and self._heap[0] in self._stale:
            self._stale.remove(heappop(self._heap))
        return self._heap[0] if self._heap else None

    def pop_due(self, upto: int) -> Iterator[Timer]:
        """Remove and yield the timers with a timestamp of at most ``upto``, in order.

        Timers may be registered and deleted meanwhile: one that is due by then is yielded too, one deleted before its
        turn is not.
        """
        while (timestamp := self.next_timestamp()) is not None and timestamp <= upto:
            bucket = self._buckets[timestamp]
            for entry in tuple(bucket) if isinstance(bucket, dict) else (bucket,):
                timer = Timer(timestamp, *entry)
                if timer in self:
                    self.delete(*timer)
                    yield timer

    def pop_at_end(self) -> Iterator[Timer]:
        """Remove and yield every timer, in order: time has ended.

        One that is registered meanwhile is yielded too, unless it lies behind all that its key and namespace had when
        this was first called: such timers might never come to an end. They stay. Which they are does not depend on
        other keys.
        """
        if self._last is None:
            self._last = self._last_of_each()
        last, beyond = self._last, []
        try:
            for timer in self.pop_due(MAX_TIMESTAMP):
                if timer.timestamp == MAX_TIMESTAMP or timer.timestamp <= last.get(timer[1:], MIN_TIMESTAMP):
                    yield timer
                else:
                    beyond.append(timer)
        finally:
            self.restore(beyond)

    def _last_of_each(self) -> dict[_Entry, int]:
        """Without timers of the end of time itself: what waits for that would let others go on until then."""
        last: dict[_Entry, int] = {}
        for timestamp in sorted(self._buckets):
            bucket = self._buckets[timestamp]
            if timestamp < MAX_TIMESTAMP:
                for entry in bucket if isinstance(bucket, dict) else (bucket,):
                    last[entry] = timestamp
        return last

    def restore(self, timers: Iterable[tuple[int, Any, Hashable]]) -> None:
        """Add ``timers``."""
        for timer in timers:
            self.register(*timer)

    def clear(self) -> None:
        """Forget every timer."""
        self._buckets.clear()
        self._heap.clear()
        self._stale.clear()
        self._size = 0


def _timers(buckets: dict[int, _Entry | dict[_Entry, None]]) -> Iterator[Timer]:
    for timestamp, bucket in buckets.items():
        for entry in bucket if isinstance(bucket, dict) else (bucket,):
            yield Timer(timestamp, *entry)
