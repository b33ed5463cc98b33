"""State of one key group as bytes: what snapshots are made of, the same for every backend."""

import pickle
from collections.abc import Hashable, Iterable
from dataclasses import dataclass, field
from typing import Any

from sage_local.errors import InternalError, StateError
from sage_local.runtime.state.timers import Timer

PROTOCOL = 5
"""Of pickle: the newest that CPython 3.11 to 3.14 share."""
DECLARED = "state:"
"""Begins the names of the tables of what the user's functions have declared; the others are operators' own."""


@dataclass(slots=True)
class Entries:
    """Part of one table, of one namespace. ``keys`` and ``values`` are parallel; ``removed`` is for deltas."""

    namespace: Hashable
    keys: list[Any] = field(default_factory=list)
    values: list[Any] = field(default_factory=list)
    removed: list[Any] = field(default_factory=list)


@dataclass(slots=True)
class Chunk:
    """The tables and timers of one key group, by name."""

    key_group: int
    tables: dict[str, list[Entries]] = field(default_factory=dict)
    timers: dict[str, list[Timer]] = field(default_factory=dict)


def write_chunk(chunk: Chunk) -> bytes:
    """Raises ``StateError`` naming the state and the key of a value that can not be pickled."""
    try:
        return pickle.dumps(chunk, PROTOCOL)
    # What pickle raises depends on the type that refuses.
    except (pickle.PicklingError, TypeError, AttributeError) as error:
        raise unpicklable(*_culprit(chunk), error) from error


def unpicklable(state: str, key: Any, error: Exception) -> StateError:
    """What to raise for a value that can not be pickled."""
    return StateError(
        f"the value of state {state.removeprefix(DECLARED)!r} for key {key!r} can not be pickled: {error}"
    )


def not_owned(group: int, owned: Iterable[int]) -> InternalError:
    """What to raise for a key of a group that is another subtask's."""
    return InternalError(f"state of key group {group} is in a subtask that owns groups {sorted(owned)}")


def _culprit(chunk: Chunk) -> tuple[str, Any]:
    for name, tables in chunk.tables.items():
        for entries in tables:
            for key, value in zip(entries.keys, entries.values, strict=True):
                try:
                    pickle.dumps((entries.namespace, key, value), PROTOCOL)
                except (pickle.PicklingError, TypeError, AttributeError):
                    return name, key
    return "<unknown>", None


def read_chunk(written: bytes) -> Chunk:
    """The chunk that ``write_chunk`` wrote."""
    chunk = pickle.loads(written)
    if not isinstance(chunk, Chunk):
        raise InternalError(f"expected a chunk of state, found {type(chunk).__name__}")
    return chunk
