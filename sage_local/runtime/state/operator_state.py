"""State that belongs to a subtask and to no key: operator state, which a restore deals out, and broadcast state."""

import pickle
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar, cast

from sage_local.errors import InternalError, StateError
from sage_local.functions.state import BroadcastStateDescriptor, ListState, ListStateDescriptor, MapState
from sage_local.runtime.state.chunk import PROTOCOL

T = TypeVar("T")
K = TypeVar("K")
V = TypeVar("V")


class SubtaskList(Generic[T]):
    """A ``ListState`` without a key."""

    def __init__(self) -> None:
        self._elements: list[T] = []

    def get(self) -> list[T]:
        """A copy of the elements."""
        return list(self._elements)

    def add(self, value: T, /) -> None:
        """Append one."""
        self._elements.append(value)

    def add_all(self, values: Iterable[T], /) -> None:
        """Append several."""
        self._elements.extend(values)

    def update(self, values: Iterable[T], /) -> None:
        """Replace all."""
        self._elements = list(values)

    def clear(self) -> None:
        """Forget all."""
        self._elements = []


class BroadcastMap(Generic[K, V]):
    """A ``MapState`` without a key."""

    def __init__(self) -> None:
        self._entries: dict[K, V] = {}

    def get(self, key: K, default: Any = None, /) -> Any:
        """The value under ``key`` or ``default``."""
        return self._entries.get(key, default)

    def contains(self, key: K, /) -> bool:
        """Whether there is a value under ``key``."""
        return key in self._entries

    def keys(self) -> list[K]:
        """The keys."""
        return list(self._entries)

    def values(self) -> list[V]:
        """The values."""
        return list(self._entries.values())

    def items(self) -> list[tuple[K, V]]:
        """Keys and values."""
        return list(self._entries.items())

    def is_empty(self) -> bool:
        """Whether there is no entry."""
        return not self._entries

    def put(self, key: K, value: V, /) -> None:
        """Set the value under ``key``."""
        self._entries[key] = value

    def put_all(self, entries: dict[K, V], /) -> None:
        """Set several."""
        self._entries.update(entries)

    def remove(self, key: K, /) -> None:
        """Forget ``key``."""
        self._entries.pop(key, None)

    def clear(self) -> None:
        """Forget every entry."""
        self._entries.clear()


class ReadOnlyMap(Generic[K, V]):
    """The reading half of a ``BroadcastMap``: an attempt to write is an error that says why."""

    def __init__(self, name: str, of: BroadcastMap[K, V]) -> None:
        self._name = name
        self.get = of.get
        self.contains = of.contains
        self.keys = of.keys
        self.values = of.values
        self.items = of.items
        self.is_empty = of.is_empty

    def _refuse(self, *_: object) -> None:
        raise StateError(
            f"broadcast state {self._name!r} can be changed in process_broadcast() only: a record that one subtask gets"
            " would change it in that subtask alone"
        )

    put = put_all = remove = clear = _refuse


@dataclass(slots=True)
class _Contents:
    """What a snapshot of one subtask holds, by descriptor name."""

    lists: dict[str, list[Any]] = field(default_factory=dict)
    broadcast: dict[str, dict[Any, Any]] = field(default_factory=dict)


class OperatorState:
    """The unkeyed state of one operator in one subtask."""

    def __init__(self, operator: str) -> None:
        self._operator = operator
        self._descriptors: dict[str, ListStateDescriptor[Any] | BroadcastStateDescriptor[Any, Any]] = {}
        self._lists: dict[str, SubtaskList[Any]] = {}
        self._broadcast: dict[str, BroadcastMap[Any, Any]] = {}

    def operator_state(self, descriptor: ListStateDescriptor[T]) -> ListState[T]:
        """The list of that name, holding this subtask's share after a restore."""
        self._check(descriptor, ListStateDescriptor)
        return self._lists.setdefault(descriptor.name, SubtaskList())

    def broadcast_state(self, descriptor: BroadcastStateDescriptor[K, V]) -> MapState[K, V]:
        """The broadcast map of that name, to be changed."""
        return cast(MapState[K, V], self._broadcast_map(descriptor))

    def read_only(self, descriptor: BroadcastStateDescriptor[K, V]) -> MapState[K, V]:
        """The broadcast map of that name, to be looked at."""
        return cast(MapState[K, V], ReadOnlyMap(descriptor.name, self._broadcast_map(descriptor)))

    def _broadcast_map(self, descriptor: BroadcastStateDescriptor[K, V]) -> BroadcastMap[K, V]:
        self._check(descriptor, BroadcastStateDescriptor)
        return self._broadcast.setdefault(descriptor.name, BroadcastMap())

    def _check(self, descriptor: Any, expected: type[Any]) -> None:
        if not isinstance(descriptor, expected):
            raise StateError(f"expected a {expected.__name__} in operator {self._operator!r}, found {descriptor!r}")
        if descriptor.ttl is not None:
            raise StateError(
                f"state {descriptor.name!r} of operator {self._operator!r} has no key: it can not have a ttl"
            )
        known = self._descriptors.setdefault(descriptor.name, descriptor)
        if known is not descriptor and known != descriptor:
            raise StateError(
                f"operator {self._operator!r} has two different descriptors of the name {descriptor.name!r}:"
                f" {known!r} and {descriptor!r}"
            )

    def snapshot(self) -> bytes:
        """All of it."""
        contents = _Contents(
            {name: state.get() for name, state in self._lists.items()},
            {name: dict(state.items()) for name, state in self._broadcast.items()},
        )
        return pickle.dumps(contents, PROTOCOL)

    def restore(self, snapshots: Sequence[bytes], *, subtask: int, parallelism: int) -> None:
        """Take this subtask's share of what all subtasks had.

        That is every ``parallelism``-th element of each list, and one subtask's broadcast state: the same in all.
        """
        contents = [_read(written) for written in snapshots]
        for name in dict.fromkeys(name for each in contents for name in each.lists):
            elements = [element for each in contents for element in each.lists.get(name, ())]
            self._lists.setdefault(name, SubtaskList()).update(elements[subtask::parallelism])
        if contents:
            for name, entries in contents[subtask % len(contents)].broadcast.items():
                self._broadcast.setdefault(name, BroadcastMap()).put_all(entries)


def _read(written: bytes) -> _Contents:
    contents = pickle.loads(written)
    if not isinstance(contents, _Contents):
        raise InternalError(f"expected operator state, found {type(contents).__name__}")
    return contents
