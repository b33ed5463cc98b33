"""The state backend that keeps everything in dicts."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from sage_local.errors import InternalError
from sage_local.runtime.state.backend import VOID, Cursor, Key, Namespace
from sage_local.runtime.state.chunk import Chunk, Entries, read_chunk, write_chunk
from sage_local.runtime.state.timers import Timer, Timers

KeyGroups = Callable[[list[Key]], list[int]]
"""The key group of each key, as ``runtime.codec.keys`` computes it for the exchange."""


class MemoryTable:
    """One dict per namespace. Not one per key group: the groups of all keys are computed in bulk for a snapshot."""

    def __init__(self, name: str, *, track_changes: bool) -> None:
        self.name = name
        self._spaces: dict[Namespace, dict[Key, Any]] = {}
        self._dirty: dict[Namespace, set[Key]] | None = {} if track_changes else None

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
        """Whether ``changed`` does anything."""
        return self._dirty is not None

    def changed(self, keys: Iterable[Key], namespace: Namespace = VOID) -> None:
        """Note the keys for the next delta."""
        if self._dirty is not None:
            self._dirty.setdefault(namespace, set()).update(keys)

    def drop(self, namespace: Namespace) -> Mapping[Key, Any]:
        """Forget a namespace."""
        dropped = self._spaces.pop(namespace, {})
        if dropped:
            self.changed(dropped, namespace)
        return dropped

    def clear(self) -> None:
        """Forget all namespaces, except that a dict of ``VOID`` that somebody holds stays the one in use."""
        void = self._spaces.get(VOID)
        self._spaces.clear()
        if void is not None:
            void.clear()
            self._spaces[VOID] = void

    def take_changes(self) -> Iterator[tuple[Namespace, set[Key]]]:
        """The keys changed since the last call, by namespace."""
        changes, self._dirty = self._dirty, None if self._dirty is None else {}
        return iter((changes or {}).items())

    def entries(self) -> Iterator[tuple[Namespace, Mapping[Key, Any]]]:
        """All there is, by namespace."""
        return iter(self._spaces.items())


class MemoryBackend:
    """Keyed state of one operator in one task, in dicts; see ``backend.KeyedBackend``.

    ``track_changes`` is for jobs that take incremental checkpoints; without it ``delta`` is an internal error.
    """

    def __init__(self, key_groups: KeyGroups, *, track_changes: bool = False) -> None:
        self.cursor = Cursor()
        self._key_groups = key_groups
        self._track_changes = track_changes
        self._tables: dict[str, MemoryTable] = {}
        self._timers: dict[str, Timers] = {}
        self._groups_with_timers: set[int] = set()

    def table(self, name: str) -> MemoryTable:
        """The table of that name."""
        found = self._tables.get(name)
        if found is None:
            found = self._tables[name] = MemoryTable(name, track_changes=self._track_changes)
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
        chunks = _Chunks(key_groups, self._key_groups)
        for name, table in self._tables.items():
            for _ in table.take_changes():
                pass
            for namespace, values in table.entries():
                chunks.put(name, namespace, values, values)
        return self._written(chunks)

    def delta(self, key_groups: Sequence[int]) -> dict[int, bytes]:
        """The changes since the last ``snapshot`` or ``delta``, by key group."""
        if not self._track_changes:
            raise InternalError("a delta was asked of a state backend that tracks no changes")
        chunks = _Chunks(key_groups, self._key_groups)
        for name, table in self._tables.items():
            for namespace, keys in table.take_changes():
                chunks.put(name, namespace, table.find(namespace) or {}, keys)
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
            raise InternalError(f"state of key group {group} is in a subtask that owns groups {sorted(self._owned)}")
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
