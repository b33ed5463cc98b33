"""The state backend that keeps everything in dicts."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from sage_local.errors import InternalError
from sage_local.runtime.state.backend import VOID, Key, Namespace
from sage_local.runtime.state.capture import Capture, GroupOf, Part
from sage_local.runtime.state.chunk import Entries, TimerColumns, read_chunk
from sage_local.runtime.state.cursor import NO_KEY, Cursor
from sage_local.runtime.state.kept import Kept
from sage_local.runtime.state.timers import Timers


class MemoryTable:
    """One dict per namespace. Not one per key group: the groups of all keys are computed in bulk for a snapshot."""

    def __init__(self, name: str, *, track_changes: bool, captures: bool) -> None:
        self.name = name
        self.tracks_changes = track_changes or captures
        self._kept: Kept | None = None
        self._spaces: dict[Namespace, dict[Key, Any]] = {}
        self._tracks = track_changes
        # What has changed since it was last asked for; while a capture is under way, what has since its moment.
        self._dirty: dict[Namespace, set[Key]] = {}

    def space(self, namespace: Namespace = VOID) -> dict[Key, Any]:
        """The dict of one namespace, made when there is none."""
        found = self._spaces.get(namespace)
        if found is None:
            found = self._spaces[namespace] = {}
        return found

    def find(self, namespace: Namespace) -> dict[Key, Any] | None:
        """The dict of one namespace, if there is one."""
        return self._spaces.get(namespace)

    def namespaces(self) -> list[Namespace]:
        """Every namespace that has a dict."""
        return list(self._spaces)

    @property
    def wants_changes(self) -> bool:
        """Whether ``changed`` does anything now."""
        return self._tracks or self._kept is not None

    def said(self, namespace: Namespace = VOID) -> set[Key]:
        """The keys of which ``changed`` was said already."""
        found = self._dirty.get(namespace)
        if found is None:
            found = self._dirty[namespace] = set()
        return found

    def changed(self, keys: Collection[Key], namespace: Namespace = VOID) -> None:
        """Note the keys for the next delta, and keep what they have for the capture that is under way."""
        if self._kept is not None:
            self._kept.keep(keys, namespace, self._values(namespace))
        # Without deltas only for those who have asked, so that they need not say it again.
        said = self.said(namespace) if self._tracks else self._dirty.get(namespace)
        if said is not None:
            said.update(keys)

    def _values(self, namespace: Namespace) -> Mapping[Key, Any]:
        return self._spaces.get(namespace) or {}

    def drop(self, namespace: Namespace, *, is_final: bool = False) -> Mapping[Key, Any]:
        """Forget a namespace."""
        dropping = self._spaces.get(namespace)
        if dropping and self.wants_changes:
            if self._kept is not None and is_final:
                self._kept.keep_dropped(namespace, dropping)
            self.changed(dropping, namespace)
        return self._spaces.pop(namespace, {})

    def freeze(self, *, changes_only: bool) -> list[Part]:
        """Keep everything as it is now, or as much as has changed since the last time, until ``thaw``."""
        kept = self._kept = Kept(self.name)
        changes = self.take_changes()
        if not changes_only:
            return [Part(each, list(values), kept, self._values) for each, values in self._spaces.items()]
        return [Part(each, keys, kept, self._values) for each, keys in changes]

    def thaw(self) -> None:
        """Nobody asks for what was any more."""
        self._kept = None

    def take_changes(self) -> list[tuple[Namespace, list[Key]]]:
        """The keys changed since the last call, by namespace."""
        changes = [(namespace, list(keys)) for namespace, keys in self._dirty.items() if keys]
        for keys in self._dirty.values():
            # In place: whoever looks at it by ``said`` has to say it again.
            keys.clear()
        # Windows come and go.
        self._dirty = {VOID: self._dirty[VOID]} if VOID in self._dirty else {}
        return changes

    def __len__(self) -> int:
        return sum(map(len, self._spaces.values()))


class MemoryBackend:
    """Keyed state of one operator in one task, in dicts; see ``backend.KeyedBackend``.

    ``track_changes`` is for jobs that take incremental checkpoints; without it ``delta`` is an internal error.
    ``captures``: for those that take any; without it nobody needs to say what changes, and every change is in time.
    """

    def __init__(self, key_groups: GroupOf, *, track_changes: bool = False, captures: bool = True) -> None:
        self.cursor = Cursor(NO_KEY)
        self._key_groups = key_groups
        self._captures = captures
        self._track_changes = track_changes
        self._tables: dict[str, MemoryTable] = {}
        self._timers: dict[str, Timers] = {}
        self._groups_with_timers: set[int] = set()

    def table(self, name: str) -> MemoryTable:
        """The table of that name."""
        found = self._tables.get(name)
        if found is None:
            found = MemoryTable(name, track_changes=self._track_changes, captures=self._captures)
            self._tables[name] = found
        return found

    def timers(self, name: str) -> Timers:
        """The timer queue of that name."""
        return self._timers.setdefault(name, Timers())

    def entries(self) -> dict[str, int]:
        """The number of values in each table, and of timers in each queue."""
        tables = {name: len(table) for name, table in self._tables.items()}
        return tables | {f"{name} timers": len(timers) for name, timers in self._timers.items() if timers}

    def snapshot(self, key_groups: Sequence[int]) -> dict[int, list[bytes]]:
        """Everything, by key group."""
        return self._collected(key_groups, changes_only=False)

    def delta(self, key_groups: Sequence[int]) -> dict[int, list[bytes]]:
        """The changes since the last ``snapshot``, ``delta`` or ``capture``, by key group."""
        return self._collected(key_groups, changes_only=True)

    def _collected(self, key_groups: Sequence[int], *, changes_only: bool) -> dict[int, list[bytes]]:
        capture = self.capture(key_groups, changes_only=changes_only)
        chunks: dict[int, list[bytes]] = {}
        while (piece := capture.advance()) is not None:
            for group, chunk in piece:
                chunks.setdefault(group, []).append(chunk)
        return chunks

    def capture(self, key_groups: Sequence[int], *, changes_only: bool) -> Capture:
        """See ``KeyedBackend``."""
        if changes_only and not self._track_changes:
            raise InternalError("a delta was asked of a state backend that tracks no changes")
        frozen: list[MemoryTable | Timers] = [*self._tables.values(), *self._timers.values()]

        def thaw() -> None:
            self._groups_with_timers = capture.groups_with_timers
            for each in frozen:
                each.thaw()

        capture = Capture(
            [part for table in self._tables.values() for part in table.freeze(changes_only=changes_only)],
            {name: timers.freeze() for name, timers in self._timers.items()},
            key_groups=key_groups,
            had_timers=self._groups_with_timers if changes_only else (),
            group_of=self._key_groups,
            thaw=thaw,
        )
        return capture

    def restore(self, chunks: Iterable[bytes]) -> None:
        """Put chunks back over what is there."""
        timers: dict[int, list[TimerColumns]] = {}
        for written in chunks:
            chunk = read_chunk(written)
            if chunk.entries is not None:
                self._put_back(chunk.entries)
            if chunk.begins_timers:
                timers[chunk.key_group] = []
            if chunk.timers:
                timers[chunk.key_group] += chunk.timers
        for of_group in timers.values():
            for queue, *columns in of_group:
                self.timers(queue).restore(zip(*columns, strict=True))

    def _put_back(self, entries: Entries) -> None:
        table = self.table(entries.table)
        space = table.space(entries.namespace)
        space.update(zip(entries.keys, entries.values, strict=True))
        for key in entries.removed:
            space.pop(key, None)
        if not space and entries.namespace is not VOID:
            table.drop(entries.namespace)
