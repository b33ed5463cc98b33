"""Every state backend there is, for the conformance suites, and what these do with one."""

from collections.abc import Callable
from typing import Any

from sage_local.runtime.state.backend import KeyedBackend
from sage_local.runtime.state.keyed import KeyedState
from sage_local.runtime.state.memory import MemoryBackend

GROUPS = 8
ALL = range(GROUPS)


def key_groups(keys: list[object]) -> list[int]:
    """Not the engine's hash: a backend must not care which it is."""
    return [sum(repr(key).encode()) % GROUPS for key in keys]


BACKENDS: dict[str, Callable[[], KeyedBackend]] = {
    "memory": lambda: MemoryBackend(key_groups, track_changes=True),
}


def at(state: KeyedState, key: object) -> None:
    """The record at hand is of ``key``."""
    state.backend.cursor.key = key


def contents(backend: KeyedBackend, name: str) -> dict[Any, dict[Any, Any]]:
    """Of a table, by namespace."""
    table = backend.table(name)
    return {namespace: dict(table.space(namespace)) for namespace in table.namespaces() if table.space(namespace)}


def all_of(chunks: dict[int, list[bytes]]) -> list[bytes]:
    """The chunks of a snapshot, in order."""
    return [chunk for of_group in chunks.values() for chunk in of_group]
