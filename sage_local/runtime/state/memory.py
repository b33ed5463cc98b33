"""The state backend that keeps everything in dicts."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

from sage_local.errors import InternalError
from sage_local.runtime.state.backend import VOID, Key, Namespace
from sage_local.runtime.state.capture import Capture, Kept, Part
from sage_local.runtime.state.chunk import Chunk, Entries, not_owned, read_chunk, write_chunk
from sage_local.runtime.state.cursor import NO_KEY, Cursor
from sage_local.runtime.state.timers import Timer, Timers

KeyGroups = Callable[[list[Key]], list[int]]
"""The key group of each key, as ``runtime.codec.keys`` computes it for the exchange."""


class MemoryTable:
    """One dict per namespace. Not one per key group: the groups of all keys are computed in bulk for a snapshot."""

    def __init__(self, name: str, *, track_changes: bool, announces: bool = False) -> None:
        self.name = name
        self.announces = announces
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
    def tracks_changes(self) -> bool:
        """Whether ``changed`` will ever do anything."""
        return self.announces or self._tracks

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
            said = self.said(namespace)
            self._kept.keep([key for key in keys if key not in said], namespace, self._values(namespace))
            said.update(keys)
        elif self._tracks:
            self.said(namespace).update(keys)

    def _values(self, namespace: Namespace) -> Mapping[Key, Any]:
        return self._spaces.get(namespace) or {}

    def drop(self, namespace: Namespace) -> Mapping[Key, Any]:
        """Forget a namespace."""
        dropping = self._spaces.get(namespace)
        if dropping:
            self.changed(dropping, namespace)
        return self._spaces.pop(namespace, {})

    def freeze(self, *, changes_only: bool) -> list[Part]:
        """Keep everything as it is now, or as much as has changed since the last time, until ``thaw``."""
        kept = self._kept = Kept(self.name)
        changes = self.take_changes()
        if not changes_only:
            return [Part(self.name, each, list(values), kept, self._values) for each, values in self._spaces.items()]
        return [Part(self.name, each, keys, kept, self._values) for each, keys in changes]

    def thaw(self) -> None:
        """Nobody asks for what was any more."""
        self._kept = None
        if not self._tracks:
            self.take_changes()

    def clear(self) -> None:
        """Forget all namespaces, except that a dict of ``VOID`` that somebody holds stays the one in use."""
        void = self._spaces.get(VOID)
        self._spaces.clear()
        if void is not None:
            void.clear()
            self._spaces[VOID] = void

    def take_changes(self) -> list[tuple[Namespace, list[Key]]]:
        """The keys changed since the last call, by namespace."""
        changes = [(namespace, list(keys)) for namespace, keys in self._dirty.items() if keys]
        for keys in self._dirty.values():
            # In place: whoever looks at it by ``said`` has to say it again.
            keys.clear()
        # Windows come and go.
        self._dirty = {VOID: self._dirty[VOID]} if VOID in self._dirty else {}
        return changes

    def entries(self) -> Iterator[tuple[Namespace, Mapping[Key, Any]]]:
        """All there is, by namespace."""
        return iter(self._spaces.items())


class MemoryBackend:
    """Keyed state of one operator in one task, in dicts; see ``backend.KeyedBackend``.

    ``track_changes`` is for jobs that take incremental checkpoints; without it ``delta`` is an internal error.
    ``captures``: for those that take any; without it nothing is captured in slices.
    """

    def __init__(self, key_groups: KeyGroups, *, track_changes: bool = False, captures: bool = True) -> None:
        self.cursor = Cursor(NO_KEY)
        self._key_groups = key_groups
        self._captures = captures
        self._track_changes = track_changes
        self._tables: dict[str, MemoryTable] = {}
        self._timers: dict[str, Timers] = {}
        self._groups_with_timers: set[int] = set()

    def table(self, name: str, *, announces: bool = False) -> MemoryTable:
        """The table of that name."""
        found = self._tables.get(name)
        if found is None:
            found = self._tables[name] = MemoryTable(name, track_changes=self._track_changes)
        # A restore has made tables before anybody said how they are going to be used.
        found.announces = found.announces or (announces and self._captures)
        return found

    def timers(self, name: str) -> Timers:
        """The timer queue of that name."""
        return self._timers.setdefault(name, Timers())

    def entries(self) -> dict[str, int]:
        """The number of values in each table, and of timers in each queue."""
        tables = {name: sum(len(values) for _, values in table.entries()) for name, table in self._tables.items()}
        return tables | {f"{name} timers": len(timers) for name, timers in self._timers.items() if timers}

    def snapshot(self, key_groups: Sequence[int]) -> dict[int, bytes]:
        """Everything, by key group."""
        return self._collected(self._tables.values(), key_groups, changes_only=False)

    def delta(self, key_groups: Sequence[int]) -> dict[int, bytes]:
        """The changes since the last ``snapshot`` or ``delta``, by key group."""
        return self._collected(self._tables.values(), key_groups, changes_only=True)

    def capture(self, key_groups: Sequence[int], *, changes_only: bool) -> Capture:
        """See ``KeyedBackend``. Tables whose changes are not announced, and timers, are made into chunks at once."""
        tables = self._tables.values()
        announced = [table for table in tables if table.announces]
        rest = self._collected([each for each in tables if not each.announces], key_groups, changes_only=changes_only)

        def thaw() -> None:
            for table in announced:
                table.thaw()

        parts = [part for table in announced for part in table.freeze(changes_only=changes_only)]
        return Capture(parts, rest, key_groups=key_groups, group_of=self._key_groups, thaw=thaw)

    def _collected(
        self, tables: Iterable[MemoryTable], key_groups: Sequence[int], *, changes_only: bool
    ) -> dict[int, bytes]:
        if changes_only and not self._track_changes:
            raise InternalError("a delta was asked of a state backend that tracks no changes")
        chunks = _Chunks(key_groups, self._key_groups)
        for table in tables:
            changes = table.take_changes()
            for namespace, keys in changes if changes_only else table.entries():
                chunks.put(table.name, namespace, table.find(namespace) or {}, keys)
        if changes_only:
            for group in self._groups_with_timers:
                chunks.of(group)
        return self._written(chunks)

    def _written(self, chunks: "_Chunks") -> dict[int, bytes]:
        before = chunks.started()
        for name, timers in self._timers.items():
            chunks.put_timers(name, list(timers))
        self._groups_with_timers = {group for group in chunks.started() if chunks.of(group).timers}
        assert before <= chunks.started()
        return chunks.written()

    def restore(self, chunks: Iterable[bytes]) -> None:
        """Put chunks back over what is there."""
        timers: dict[int, dict[str, list[Timer]]] = {}
        for written in chunks:
            chunk = read_chunk(written)
            for name, entries in chunk.tables.items():
                self._put_back(self.table(name), entries)
            timers[chunk.key_group] = chunk.timers
        for of_group in timers.values():
            for name, waiting in of_group.items():
                self.timers(name).restore(waiting)

    def _put_back(self, table: MemoryTable, entries: list[Entries]) -> None:
        for each in entries:
            space = table.space(each.namespace)
            space.update(zip(each.keys, each.values, strict=True))
            for key in each.removed:
                space.pop(key, None)
            if not space and each.namespace is not VOID:
                table.drop(each.namespace)


class _Chunks:
    """Chunks being filled, one per key group."""

    def __init__(self, key_groups: Sequence[int], group_of: KeyGroups) -> None:
        self._owned = frozenset(key_groups)
        self._group_of = group_of
        self._chunks: dict[int, Chunk] = {}

    def of(self, group: int) -> Chunk:
        """The chunk of ``group``, started when there is none."""
        if group not in self._owned:
            raise not_owned(group, self._owned)
        found = self._chunks.get(group)
        if found is None:
            found = self._chunks[group] = Chunk(group)
        return found

    def started(self) -> set[int]:
        """The groups that have a chunk."""
        return set(self._chunks)

    def put(self, name: str, namespace: Namespace, values: Mapping[Key, Any], keys: Iterable[Key]) -> None:
        """Add ``keys`` of one namespace with their values; those without a value as removed."""
        ordered = list(keys)
        entries: dict[int, Entries] = {}
        for key, group in zip(ordered, self._group_of(ordered), strict=True):
            into = entries.get(group)
            if into is None:
                into = entries[group] = Entries(namespace)
                self.of(group).tables.setdefault(name, []).append(into)
            if key in values:
                into.keys.append(key)
                into.values.append(values[key])
            else:
                into.removed.append(key)

    def put_timers(self, name: str, timers: list[Timer]) -> None:
        """Add timers to the chunks of their keys."""
        for timer, group in zip(timers, self._group_of([timer.key for timer in timers]), strict=True):
            self.of(group).timers.setdefault(name, []).append(timer)

    def written(self) -> dict[int, bytes]:
        """The chunks as bytes."""
        return {group: write_chunk(chunk) for group, chunk in self._chunks.items()}
