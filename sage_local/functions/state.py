"""Managed state as users see it: descriptors that name it, and the objects that read and write it.

A function asks for its state in ``open``: ``self.seen = context.state(ValueStateDescriptor("seen", default=0))``.
What it gets speaks of the key of the record at hand and survives a snapshot; the function's own attributes do neither.
"""

from collections.abc import Callable, Iterable
from typing import Any, Generic, Protocol, TypeVar, overload

from sage_local.errors import StateError
from sage_local.functions.ttl import StateTtlConfig

T = TypeVar("T")
K = TypeVar("K")
V = TypeVar("V")
IN_contra = TypeVar("IN_contra", contravariant=True)
OUT_co = TypeVar("OUT_co", covariant=True)
S_co = TypeVar("S_co", covariant=True)


class ValueState(Protocol[T]):
    """One value per key."""

    def value(self) -> T:
        """The value, or the descriptor's default where there is none.

        A value that can be changed in place may be: the change is kept, as if it had been given to ``update``.
        """

    def update(self, value: T, /) -> None:
        """Set the value; ``None`` is a value like any other."""

    def clear(self) -> None:
        """Forget the value."""


class ListState(Protocol[T]):
    """Elements per key, in order."""

    def get(self) -> list[T]:
        """The elements, in a list of its own: changing the list changes no state."""

    def add(self, value: T, /) -> None:
        """Append one element."""

    def add_all(self, values: Iterable[T], /) -> None:
        """Append several."""

    def update(self, values: Iterable[T], /) -> None:
        """Replace all elements."""

    def clear(self) -> None:
        """Forget all elements."""


class ReadOnlyMapState(Protocol[K, V]):
    """The reading half of a map state."""

    @overload
    def get(self, key: K, /) -> V | None: ...
    @overload
    def get(self, key: K, default: T, /) -> V | T: ...
    def get(self, key: K, default: Any = None, /) -> Any:
        """The value under ``key``, or ``default``. Changing a value in place changes the state."""

    def contains(self, key: K, /) -> bool:
        """Whether there is a value under ``key``."""

    def keys(self) -> list[K]:
        """The keys, in order of insertion."""

    def values(self) -> list[V]:
        """The values, in order of their keys."""

    def items(self) -> list[tuple[K, V]]:
        """Keys and values; the map may be changed while going through them."""

    def is_empty(self) -> bool:
        """Whether there is no entry."""


class MapState(ReadOnlyMapState[K, V], Protocol[K, V]):
    """A map per key of the stream; its own keys are any hashable values."""

    def put(self, key: K, value: V, /) -> None:
        """Set the value under ``key``."""

    def put_all(self, entries: dict[K, V], /) -> None:
        """Set several."""

    def remove(self, key: K, /) -> None:
        """Forget ``key``; nothing happens where it is not there."""

    def clear(self) -> None:
        """Forget every entry."""


class ReducingState(Protocol[T]):
    """One value per key, folded from what is added."""

    def get(self) -> T | None:
        """The fold so far, or ``None`` where nothing was added."""

    def add(self, value: T, /) -> None:
        """Fold ``value`` in."""

    def clear(self) -> None:
        """Forget the fold."""


class AggregatingState(Protocol[IN_contra, OUT_co]):
    """One accumulator per key of an ``AggregateFunction``."""

    def get(self) -> OUT_co | None:
        """The result so far, or ``None`` where nothing was added."""

    def add(self, value: IN_contra, /) -> None:
        """Add ``value`` to the accumulator."""

    def clear(self) -> None:
        """Forget the accumulator."""


class StateDescriptor(Generic[S_co]):
    """Names one state of an operator and says what kind it is. Two of one name must be equal.

    The name is what snapshots know the state by: keep it when the program changes.
    """

    def __init__(self, name: str, *, ttl: StateTtlConfig | None = None) -> None:
        if not isinstance(name, str) or not name:
            raise StateError(f"the name of a {type(self).__name__} must be a str that is not empty, found {name!r}")
        if ttl is not None and not isinstance(ttl, StateTtlConfig):
            raise StateError(f"ttl of state {name!r} must be a StateTtlConfig, found {ttl!r}")
        self.name = name
        self.ttl = ttl

    def _fields(self) -> dict[str, Any]:
        """What was given; ``typing`` adds ``__orig_class__`` to an instance of ``ValueStateDescriptor[int]``."""
        return {key: value for key, value in vars(self).items() if value is not None and key != "__orig_class__"}

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and other._fields() == self._fields()

    def __hash__(self) -> int:
        return hash((type(self), self.name))

    def __repr__(self) -> str:
        rest = "".join(f", {key}={value!r}" for key, value in self._fields().items() if key != "name")
        return f"{type(self).__name__}({self.name!r}{rest})"


_MUTABLE = (list, dict, set, bytearray)


class ValueStateDescriptor(StateDescriptor[ValueState[T]], Generic[T]):
    """Describes a ``ValueState``.

    Without ``default`` the value of a new key is ``None``: write ``ValueStateDescriptor[int | None]("last")``. A
    default that can be changed in place is given as ``default_factory=list``, so that each key gets its own.
    """

    @overload
    def __init__(self, name: str, *, ttl: StateTtlConfig | None = None) -> None: ...
    @overload
    def __init__(self, name: str, default: T, *, ttl: StateTtlConfig | None = None) -> None: ...
    @overload
    def __init__(self, name: str, *, default_factory: Callable[[], T], ttl: StateTtlConfig | None = None) -> None: ...
    def __init__(
        self,
        name: str,
        default: Any = None,
        *,
        default_factory: Callable[[], Any] | None = None,
        ttl: StateTtlConfig | None = None,
    ) -> None:
        super().__init__(name, ttl=ttl)
        if isinstance(default, _MUTABLE):
            kind = type(default).__name__
            raise StateError(
                f"the default of state {name!r} is a {kind} that all keys would share: use default_factory"
            )
        if default_factory is not None and not callable(default_factory):
            raise StateError(f"default_factory of state {name!r} must be callable, found {default_factory!r}")
        self.default = default
        self.default_factory = default_factory


class ListStateDescriptor(StateDescriptor[ListState[T]], Generic[T]):
    """Describes a ``ListState``. With a ``ttl`` each element has its own time to live."""


class MapStateDescriptor(StateDescriptor[MapState[K, V]], Generic[K, V]):
    """Describes a ``MapState``. With a ``ttl`` each entry has its own time to live."""


class BroadcastStateDescriptor(StateDescriptor[MapState[K, V]], Generic[K, V]):
    """Describes a map that every subtask has whole, written from a broadcast stream only."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
