"""The keyed state of one operator: state objects by descriptor, each name once."""

from collections.abc import Callable
from typing import Any, TypeVar, cast

from sage_local.core.clock import Clock
from sage_local.errors import StateError
from sage_local.functions.folding_state import AggregatingStateDescriptor, ReducingStateDescriptor
from sage_local.functions.folds import ReduceFunction
from sage_local.functions.state import (
    ListStateDescriptor,
    MapStateDescriptor,
    StateDescriptor,
    ValueStateDescriptor,
)
from sage_local.runtime.state.backend import VOID, KeyedBackend, Namespace, Table, remove
from sage_local.runtime.state.chunk import DECLARED
from sage_local.runtime.state.handles import (
    AggregatingHandle,
    ListHandle,
    MadeValueHandle,
    MapHandle,
    ReducingHandle,
    Site,
    ValueHandle,
)
from sage_local.runtime.state.ttl import ExpiringListHandle, ExpiringMapHandle, ExpiringValues, Expiry, Sweep

S = TypeVar("S")

WINDOW = "window:"
"""Begins the names of the tables of per-window state."""
SWEEP_LIMIT = 1024
"""Keys looked at for expired state in one go: well under a millisecond, so that no batch waits for it."""


class KeyedState:
    """Hands out state objects over a backend and removes what has expired.

    Made before the operator is opened and after the backend was restored. Tables of users' states are named after their
    descriptors (``state:NAME (value, ttl)`` and ``window:NAME (list)``), so operators may use any other names for their
    own, and a state that was of another kind when its checkpoint was taken is not mistaken for this one.
    """

    def __init__(self, operator: str, backend: KeyedBackend, clock: Clock) -> None:
        self.backend = backend
        self._operator = operator
        self._clock = clock
        self._described: dict[str, StateDescriptor[Any]] = {}
        self._states: dict[str, Any] = {}
        self._window_tables: set[str] = set()
        self._tables: dict[str, str] = {}
        self._sweeps: list[tuple[Expiry, Sweep]] = []

    @property
    def is_used(self) -> bool:
        """Whether any state was asked for."""
        return bool(self._described)

    def state(self, descriptor: StateDescriptor[S]) -> S:
        """The state of the key at hand. Raises ``StateError`` for a second, different descriptor of one name."""
        self._check(descriptor)
        found = self._states.get(descriptor.name)
        if found is None:
            found = self._states[descriptor.name] = self._make(descriptor)
        return cast(S, found)

    def window_state(self, descriptor: StateDescriptor[S], namespace: Namespace) -> S:
        """The state of the key at hand in one window, until ``drop_window_state``. For use while that window fires."""
        self._check(descriptor)
        if descriptor.ttl is not None:
            raise StateError(
                f"state {descriptor.name!r} of operator {self._operator!r} belongs to a window and lives as"
                " long as that: it can not have a ttl"
            )
        table = self._table(WINDOW, descriptor)
        self._window_tables.add(table.name)
        site = Site(descriptor.name, table, table.space(namespace), self.backend.cursor, namespace)
        return cast(S, _lasting(descriptor, site))

    def drop_window_state(self, namespace: Namespace) -> None:
        """Forget all per-window state of the key at hand in one window."""
        for name in self._window_tables:
            remove(self.backend.table(name), self.backend.cursor.key, namespace)

    def _check(self, descriptor: StateDescriptor[Any]) -> None:
        if not isinstance(descriptor, StateDescriptor):
            raise StateError(f"expected a state descriptor in operator {self._operator!r}, found {descriptor!r}")
        known = self._described.setdefault(descriptor.name, descriptor)
        if known is not descriptor and known != descriptor:
            raise StateError(
                f"operator {self._operator!r} has two different descriptors of the name {descriptor.name!r}:"
                f" {known!r} and {descriptor!r}"
            )

    def _table(self, prefix: str, descriptor: StateDescriptor[Any]) -> Table:
        """Raises ``StateError`` where a restored checkpoint has another kind of state by that name."""
        stem = f"{prefix}{descriptor.name}"
        name = self._tables.get(stem)
        if name is None:
            name = self._tables[stem] = f"{stem} ({_kind(descriptor)})"
            for other in self.backend.entries():
                if other != name and other.rpartition(" (")[0] == stem:
                    raise StateError(
                        f"state {descriptor.name!r} of operator {self._operator!r}: expected the kind that the restored"
                        f" checkpoint has, {other.removeprefix(stem).strip(' ()')!r}, found {_kind(descriptor)!r}:"
                        " give the new state another name"
                    )
        return self.backend.table(name)

    def _make(self, descriptor: StateDescriptor[Any]) -> Any:
        table = self._table(DECLARED, descriptor)
        site = Site(descriptor.name, table, table.space(VOID), self.backend.cursor)
        if descriptor.ttl is None:
            return _lasting(descriptor, site)
        expiry = Expiry(descriptor.ttl, self._clock)
        made, sweep = _expiring(descriptor, site, expiry)
        self._sweeps.append((expiry, sweep))
        return made

    def next_sweep(self) -> int | None:
        """When there is something to sweep next, by the clock; ``None`` without a time to live."""
        return min((due for expiry, _ in self._sweeps if (due := expiry.index.next_due()) is not None), default=None)

    def sweep(self, limit: int = SWEEP_LIMIT) -> None:
        """Remove what has expired of up to ``limit`` keys; called between batches."""
        if not self._sweeps:
            return
        now_ms = self._clock.now_ms()
        for expiry, sweep in self._sweeps:
            for key in expiry.index.due(now_ms, limit):
                sweep(key, now_ms)


def _kind(descriptor: StateDescriptor[Any]) -> str:
    kind = type(descriptor).__name__.removesuffix("StateDescriptor").lower()
    return kind if descriptor.ttl is None else f"{kind}, ttl"


def _lasting(descriptor: StateDescriptor[Any], site: Site) -> Any:
    match descriptor:
        case ListStateDescriptor():
            return ListHandle(site)
        case MapStateDescriptor():
            return MapHandle(site)
        case _:
            return _whole(descriptor, site)


def _whole(descriptor: StateDescriptor[Any], site: Site) -> Any:
    """The kinds of state that are one value in the table."""
    match descriptor:
        case ValueStateDescriptor():
            made = descriptor.default_factory
            return ValueHandle(site, descriptor.default) if made is None else MadeValueHandle(site, made)
        case ReducingStateDescriptor():
            return ReducingHandle(site, _fold(descriptor.reduce))
        case AggregatingStateDescriptor():
            return AggregatingHandle(site, descriptor.aggregate)
        case _:
            raise StateError(f"{descriptor!r} does not describe keyed state")


def _expiring(descriptor: StateDescriptor[Any], site: Site, expiry: Expiry) -> tuple[Any, Sweep]:
    if isinstance(descriptor, ListStateDescriptor):
        elements = ExpiringListHandle(site, expiry)
        return elements, elements.sweep
    if isinstance(descriptor, MapStateDescriptor):
        entries = ExpiringMapHandle(site, expiry)
        return entries, entries.sweep
    values = ExpiringValues(site, expiry)
    return _whole(descriptor, site._replace(values=values)), values.sweep


def _fold(reduce: Callable[[Any, Any], Any] | ReduceFunction[Any]) -> Callable[[Any, Any], Any]:
    return reduce.reduce if isinstance(reduce, ReduceFunction) else reduce
