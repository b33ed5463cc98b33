"""Keyed state as it is at one moment, made into chunks piece by piece while records go on changing it.

Whoever writes to a table says which keys before it does. While a capture is under way the table keeps what such keys
had (``Kept``), so the capture finds every key as it was, in whatever order it comes to them.
"""

import pickle
from collections.abc import Callable, Generator, Hashable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from sage_local.runtime.state.chunk import PROTOCOL, Chunk, Entries, not_owned, unpicklable, write_chunk

Key = Any
Namespace = Hashable

KEYS_AT_ONCE = 2_000
"""Keys told apart by their group in one piece of work: a fraction of a millisecond."""
ENTRIES_PER_CHUNK = 500
"""About a millisecond of pickling, if values are small."""

ABSENT: Final = object()
_IMMUTABLE = frozenset({int, float, complex, bool, str, bytes, type(None)})


class _Copy(bytes):
    """A value that may be changed in place, pickled before it was."""


class Kept:
    """What the keys of one table had at the moment of the capture, as far as they were touched since."""

    def __init__(self, table: str) -> None:
        self._table = table
        self._of: dict[Namespace, dict[Key, Any]] = {}

    def keep(self, keys: Iterable[Key], namespace: Namespace, values: Mapping[Key, Any]) -> None:
        """``keys`` are about to change."""
        kept = self._of.get(namespace)
        if kept is None:
            kept = self._of[namespace] = {}
        for key in keys:
            if key not in kept:
                kept[key] = self._copied(key, values.get(key, ABSENT))

    def entries(self, namespace: Namespace, keys: Iterable[Key], values: Mapping[Key, Any]) -> Entries:
        """``keys`` with what they had; those without a value as removed."""
        kept = self._of.get(namespace, {})
        entries = Entries(namespace)
        for key in keys:
            value = kept.get(key, kept)  # itself stands for what is not in it
            if value is kept:
                value = values.get(key, ABSENT)
            elif type(value) is _Copy:
                value = pickle.loads(value)
            if value is ABSENT:
                entries.removed.append(key)
            else:
                entries.keys.append(key)
                entries.values.append(value)
        return entries

    def _copied(self, key: Key, value: Any) -> Any:
        if value is ABSENT or type(value) in _IMMUTABLE:
            return value
        try:
            return _Copy(pickle.dumps(value, PROTOCOL))
        # What pickle raises depends on the type that refuses.
        except (pickle.PicklingError, TypeError, AttributeError) as error:
            raise unpicklable(self._table, key, error) from error


class Part(NamedTuple):
    """Keys of one table and namespace, and where they are."""

    table: str
    namespace: Namespace
    keys: Sequence[Key]
    kept: Kept
    values: Callable[[Namespace], Mapping[Key, Any]]
    """The values of a namespace now."""


class Capture:
    """The keyed state of one operator. To be advanced to its end, or closed.

    ``rest`` are chunks that are there already: they come last, since the last chunk of a group holds its timers.
    """

    def __init__(
        self,
        parts: Sequence[Part],
        rest: Mapping[int, bytes],
        *,
        key_groups: Sequence[int],
        group_of: Callable[[list[Key]], list[int]],
        thaw: Callable[[], None],
    ) -> None:
        self._parts = parts
        self._rest = rest
        self._owned = frozenset(key_groups)
        self._group_of = group_of
        self._thaw = thaw
        self._pieces = self._work()

    def advance(self) -> list[tuple[int, bytes]] | None:
        """Do a piece of the work; returns the chunks that are made by it, with their groups. ``None``: all is done.

        Raises ``StateError`` naming the state and the key of a value that can not be pickled.
        """
        return next(self._pieces, None)

    def close(self) -> None:
        """Nobody needs it any more: changes of the state cost what they did before."""
        self._pieces.close()
        self._thaw()

    def _work(self) -> Generator[list[tuple[int, bytes]], None, None]:
        by_group: dict[int, list[tuple[Part, list[Key]]]] = {}
        for part in self._parts:
            yield from self._parted(part, by_group)
        for group, parts in by_group.items():
            if group not in self._owned:
                raise not_owned(group, self._owned)
            for part, keys in parts:
                for start in range(0, len(keys), ENTRIES_PER_CHUNK):
                    yield [(group, _chunk(group, part, keys[start : start + ENTRIES_PER_CHUNK]))]
        self._thaw()
        yield list(self._rest.items())

    def _parted(self, part: Part, by_group: dict[int, list[tuple[Part, list[Key]]]]) -> Iterator[list[Any]]:
        groups: dict[int, list[Key]] = {}
        for start in range(0, len(part.keys), KEYS_AT_ONCE):
            piece = list(part.keys[start : start + KEYS_AT_ONCE])
            for key, group in zip(piece, self._group_of(piece), strict=True):
                found = groups.get(group)
                if found is None:
                    found = groups[group] = []
                    by_group.setdefault(group, []).append((part, found))
                found.append(key)
            yield []


def _chunk(group: int, part: Part, keys: list[Key]) -> bytes:
    entries = part.kept.entries(part.namespace, keys, part.values(part.namespace))
    return write_chunk(Chunk(group, {part.table: [entries]}))
