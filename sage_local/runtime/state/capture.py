"""Keyed state as it is at one moment, made into chunks piece by piece while records go on changing it.

Whoever writes to a table says which keys before it does. While a capture is under way the table keeps what such keys
had (``Kept``), so the capture finds every key as it was, in whatever order it comes to them. Queues of timers copy what
they change in place.
"""

from collections import defaultdict
from collections.abc import Callable, Generator, Hashable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, NamedTuple

from sage_local.runtime.state.chunk import Chunk, TimerColumns, not_owned, write_chunk
from sage_local.runtime.state.kept import Kept
from sage_local.runtime.state.timers import Timer

Key = Any
Namespace = Hashable
GroupOf = Callable[[list[Key]], list[int]]
"""The key group of each key, as ``runtime.codec.keys`` computes it for the exchange."""
Piece = list[tuple[int, bytes]]
"""Chunks with their groups."""

KEYS_AT_ONCE = 2_000
"""Keys told apart by their group in one piece of work: a fraction of a millisecond."""
ENTRIES_PER_CHUNK = 500
"""About a millisecond of pickling, if values are small."""
TIMERS_PER_CHUNK = 5_000


class Part(NamedTuple):
    """Keys of one table and namespace, and where they are."""

    namespace: Namespace
    keys: Sequence[Key]
    kept: Kept
    values: Callable[[Namespace], Mapping[Key, Any]]
    """The values of a namespace now."""


class Capture:
    """The keyed state of one operator. To be advanced to its end, or closed.

    ``timers`` are those of each queue; ``had_timers`` the groups that had some in the capture before, and have to say
    so when they have none. ``thaw`` is called at the end.
    """

    def __init__(
        self,
        parts: Sequence[Part],
        timers: Mapping[str, Iterable[Timer]],
        *,
        key_groups: Sequence[int],
        had_timers: Iterable[int],
        group_of: GroupOf,
        thaw: Callable[[], None],
    ) -> None:
        self._parts = parts
        self._timers = timers
        self._owned = frozenset(key_groups)
        self._had_timers = had_timers
        self._group_of = group_of
        self._thaw = thaw
        self._pieces = self._work()
        self.groups_with_timers: set[int] = set()
        """Known at the end."""

    def advance(self) -> Piece | None:
        """Do a piece of the work; returns the chunks that are made by it, with their groups. ``None``: all is done.

        Raises ``StateError`` naming the state and the key of a value that can not be pickled.
        """
        return next(self._pieces, None)

    def close(self) -> None:
        """Nobody needs it any more: changes of the state cost what they did before."""
        self._pieces.close()
        self._thaw()

    def _work(self) -> Generator[Piece, None, None]:
        yield from self._entries()
        yield from self._waiting()
        self._thaw()

    def _entries(self) -> Iterator[Piece]:
        by_group: dict[int, list[tuple[Part, list[Key]]]] = defaultdict(list)
        for part in self._parts:
            yield from self._parted(part, by_group)
        self._check(by_group)
        for group, parts in by_group.items():
            for part, keys in parts:
                values = part.values(part.namespace)
                for start in range(0, len(keys), ENTRIES_PER_CHUNK):
                    entries = part.kept.entries(part.namespace, keys[start : start + ENTRIES_PER_CHUNK], values)
                    yield [(group, write_chunk(Chunk(group, entries)))]

    def _parted(self, part: Part, by_group: dict[int, list[tuple[Part, list[Key]]]]) -> Iterator[Piece]:
        groups: dict[int, list[Key]] = defaultdict(list)
        for start in range(0, len(part.keys), KEYS_AT_ONCE):
            piece = list(part.keys[start : start + KEYS_AT_ONCE])
            for key, group in zip(piece, self._group_of(piece), strict=True):
                groups[group].append(key)
            yield []
        for group, keys in groups.items():
            by_group[group].append((part, keys))

    def _waiting(self) -> Iterator[Piece]:
        by_group: dict[int, list[TimerColumns]] = defaultdict(list)
        for queue, timers in self._timers.items():
            yield from self._told_apart(queue, iter(timers), by_group)
        self._check(by_group)
        self.groups_with_timers = set(by_group)
        for group in by_group.keys() | self._had_timers:
            yield [(group, write_chunk(Chunk(group, begins_timers=True)))]
            for columns in by_group.get(group, ()):
                yield [(group, write_chunk(Chunk(group, timers=[columns])))]

    def _told_apart(
        self, queue: str, timers: Iterator[Timer], by_group: dict[int, list[TimerColumns]]
    ) -> Iterator[Piece]:
        open_of: dict[int, TimerColumns] = {}
        while piece := list(islice(timers, KEYS_AT_ONCE)):
            groups = self._group_of([key for _, key, _ in piece])
            for (timestamp, key, namespace), group in zip(piece, groups, strict=True):
                columns = open_of.get(group)
                if columns is None or len(columns.keys) >= TIMERS_PER_CHUNK:
                    columns = open_of[group] = TimerColumns(queue, [], [], [])
                    by_group[group].append(columns)
                columns.timestamps.append(timestamp)
                columns.keys.append(key)
                columns.namespaces.append(namespace)
            yield []

    def _check(self, groups: Iterable[int]) -> None:
        for group in groups:
            if group not in self._owned:
                raise not_owned(group, self._owned)
