"""What operators ask of a state backend. ``tests/runtime/state/conformance`` holds every backend to it.

A backend belongs to one operator of one task: its tables hold the keys of the key groups that the subtask owns. The
key groups themselves appear only in snapshots, so that an access costs one look-up by the Python key.
"""

from collections.abc import Collection, Hashable, Iterable, Mapping, MutableMapping, Sequence
from typing import Any, Final, Protocol

from sage_local.runtime.state.capture import Capture
from sage_local.runtime.state.cursor import Cursor
from sage_local.runtime.state.timers import Timers

Key = Any  # equal keys are one key, as in a dict: the codec refuses those for which this would not hold
Namespace = Hashable

VOID: Final = None
"""The namespace of state that belongs to a key alone; a window is the namespace of per-window state."""


class Table(Protocol):
    """The values of one descriptor: namespace → key → value."""

    @property
    def name(self) -> str:
        """The descriptor's name, unique in the operator."""

    def space(self, namespace: Namespace = VOID) -> MutableMapping[Key, Any]:
        """The live values of one namespace by key, made when there is none; ``dict`` in memory.

        Whoever writes to it says so by ``changed``, before it does. It stays valid until ``drop`` of this namespace or
        ``restore``; for ``VOID`` for as long as the table.
        """

    def find(self, namespace: Namespace) -> MutableMapping[Key, Any] | None:
        """As ``space``, but ``None`` when nothing was ever put there."""

    def namespaces(self) -> Iterable[Namespace]:
        """Every namespace that has a space now; safe to change the table while going through it."""

    @property
    def tracks_changes(self) -> bool:
        """Whether ``changed`` will ever do anything."""

    @property
    def wants_changes(self) -> bool:
        """Whether ``changed`` does anything now: what it needs does not have to be found out where it does not."""

    def changed(self, keys: Collection[Key], namespace: Namespace = VOID) -> None:
        """These keys are about to be written, removed, or to be handed to someone who may change their value.

        Costs nothing where nobody takes checkpoints.
        """

    def said(self, namespace: Namespace = VOID) -> set[Key]:
        """Keys of which ``changed`` need not be said again, now. It stays valid; what is in it comes and goes."""

    def drop(self, namespace: Namespace, *, is_final: bool = False) -> Mapping[Key, Any]:
        """Forget a whole namespace and return what it held (a window has fired for the last time).

        ``is_final``: nobody is going to change any of it in place, so a capture needs no copy.
        """


def remove(table: Table, key: Key, namespace: Namespace) -> None:
    """Forget what ``key`` has in ``namespace``, if anything; a namespace without keys goes too."""
    space = table.find(namespace)
    if space is None:
        return
    if key in space:
        table.changed((key,), namespace)
        del space[key]
    if not space:
        table.drop(namespace)


class KeyedBackend(Protocol):
    """Keyed state and timers of one operator in one task."""

    @property
    def cursor(self) -> Cursor:
        """The key at hand, shared by everything that reads this backend."""

    def table(self, name: str) -> Table:
        """The table of that name, made when there is none. Snapshots find it again by this name."""

    def timers(self, name: str) -> Timers:
        """The timer queue of that name (by custom ``event`` and ``processing``), made when there is none."""

    def entries(self) -> dict[str, int]:
        """How much there is, by the names of tables and timer queues: for people."""

    def snapshot(self, key_groups: Sequence[int]) -> dict[int, list[bytes]]:
        """Everything there is, by key group; groups without anything are left out. Deltas count from here.

        ``key_groups`` are the groups the subtask owns; a key of any other group is an internal error.
        """

    def delta(self, key_groups: Sequence[int]) -> dict[int, list[bytes]]:
        """What changed since the last ``snapshot`` or ``delta``, by key group; timers always whole."""

    def capture(self, key_groups: Sequence[int], *, changes_only: bool) -> Capture:
        """As ``snapshot`` or ``delta``, of this moment, with what takes time left to be done in pieces.

        One at a time: the one before is at its end, or closed.
        """

    def restore(self, chunks: Iterable[bytes]) -> None:
        """Put back what ``snapshot`` gave, then each later ``delta``, in order; of any groups, from any subtask."""
