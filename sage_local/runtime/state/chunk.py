"""State of one key group as bytes: what snapshots are made of, the same for every backend.

Written as plain tuples and lists: a class of its own for each part would cost more than the state of a dozen keys.
"""

import pickle
from collections.abc import Hashable, Iterable, Sequence
from typing import Any, NamedTuple

from sage_local.errors import InternalError, StateError

PROTOCOL = 5
"""Of pickle: the newest that CPython 3.11 to 3.14 share."""
DECLARED = "state:"
"""Begins the names of the tables of what the user's functions have declared, which end with its kind in brackets; the
others are operators' own."""


class Entries(NamedTuple):
    """Part of one table, of one namespace. ``keys`` and ``values`` are parallel; ``removed`` is for deltas."""

    table: str
    namespace: Hashable
    keys: Sequence[Any]
    values: Sequence[Any]
    removed: Sequence[Any] = ()


class TimerColumns(NamedTuple):
    """Timers of one queue: parallel lists."""

    queue: str
    timestamps: list[int]
    keys: list[Any]
    namespaces: list[Hashable]


class Chunk(NamedTuple):
    """Some of what one key group has. ``begins_timers``: timers in chunks before this one count no more."""

    key_group: int
    entries: Entries | None = None
    timers: Sequence[TimerColumns] = ()
    begins_timers: bool = False


def write_chunk(chunk: Chunk) -> bytes:
    """Raises ``StateError`` naming the state and the key of a value that can not be pickled."""
    entries = None if chunk.entries is None else tuple(chunk.entries)
    plain = (chunk.key_group, entries, [tuple(each) for each in chunk.timers], chunk.begins_timers)
    try:
        return pickle.dumps(plain, PROTOCOL)
    # What pickle raises depends on the type that refuses.
    except (pickle.PicklingError, TypeError, AttributeError) as error:
        raise unpicklable(*_culprit(chunk), error) from error


def unpicklable(state: str, key: Any, error: Exception) -> StateError:
    """What to raise for a value that can not be pickled; ``state`` is the name of its table."""
    name = state.removeprefix(DECLARED).rpartition(" (")[0] if state.startswith(DECLARED) else state
    return StateError(f"the value of state {name!r} for key {key!r} can not be pickled: {error}")


def not_owned(group: int, owned: Iterable[int]) -> InternalError:
    """What to raise for a key of a group that is another subtask's."""
    return InternalError(f"state of key group {group} is in a subtask that owns groups {sorted(owned)}")


def first_unpicklable(pairs: Iterable[tuple[Any, Any]]) -> Any:
    """The key of the first pair that can not be pickled; ``None`` when all can."""
    for key, value in pairs:
        try:
            pickle.dumps((key, value), PROTOCOL)
        except (pickle.PicklingError, TypeError, AttributeError):
            return key
    return None


def _culprit(chunk: Chunk) -> tuple[str, Any]:
    if chunk.entries is None:
        return "<timers>", None
    return chunk.entries.table, first_unpicklable(zip(chunk.entries.keys, chunk.entries.values, strict=True))


def read_chunk(written: bytes) -> Chunk:
    """The chunk that ``write_chunk`` wrote."""
    plain = pickle.loads(written)
    if not isinstance(plain, tuple) or len(plain) != len(Chunk._fields):
        raise InternalError(f"expected a chunk of state, found {type(plain).__name__}")
    group, entries, timers, begins_timers = plain
    return Chunk(group, entries and Entries(*entries), [TimerColumns(*each) for each in timers], begins_timers)
