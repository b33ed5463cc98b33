"""Every state backend there is, for the conformance suite."""

from collections.abc import Callable

from sage_local.runtime.state.backend import KeyedBackend
from sage_local.runtime.state.memory import MemoryBackend

GROUPS = 8


def key_groups(keys: list[object]) -> list[int]:
    """Not the engine's hash: a backend must not care which it is."""
    return [sum(repr(key).encode()) % GROUPS for key in keys]


BACKENDS: dict[str, Callable[[], KeyedBackend]] = {
    "memory": lambda: MemoryBackend(key_groups, track_changes=True),
}
