"""The users' state objects over a backend's tables: each speaks of the key under the cursor."""

from collections.abc import Callable, Iterable, MutableMapping
from typing import Any, Final, NamedTuple, NoReturn

from sage_local.errors import StateError
from sage_local.functions.folds import AggregateFunction
from sage_local.runtime.native import Cursor, StateCell, is_immutable
from sage_local.runtime.state.backend import VOID, Namespace, Table
from sage_local.runtime.state.cursor import NO_KEY

MISSING: Final = object()


class Site(NamedTuple):
    """Where a state is kept: a table's values of one namespace, under the name that its user gave it."""

    name: str
    table: Table
    values: MutableMapping[Any, Any]
    cursor: Cursor
    namespace: Namespace = VOID


class _Handle(StateCell):
    """What all have: the values, the key at hand, and the duty to name the keys that change."""

    __slots__ = ("_name", "_namespace", "_table")

    def __init__(self, site: Site, fallback: object = MISSING) -> None:
        said = site.table.said(site.namespace) if site.table.tracks_changes else None
        super().__init__(site.values, site.cursor, said, fallback)
        self._name, self._table, self._namespace = site.name, site.table, site.namespace

    def _announce(self, key: Any) -> None:
        self._table.changed((key,), self._namespace)

    def _refuse(self) -> NoReturn:
        raise StateError(
            f"state {self._name!r} was used where there is no key: keyed state can be read and written only while a"
            " record or a timer is being processed, not in open() or close()"
        )

    def clear(self) -> None:
        """Forget what the key has."""
        key = self._cursor.key
        if key is NO_KEY:
            self._refuse()
        if key in self._values:
            self._announce(key)
            del self._values[key]


class ValueHandle(_Handle):
    """A ``ValueState``."""

    __slots__ = ()

    value = StateCell._find
    update = StateCell._set


class MadeValueHandle(ValueHandle):
    """A ``ValueState`` with a default that is made for each key."""

    __slots__ = ("_factory",)

    def __init__(self, site: Site, factory: Callable[[], Any]) -> None:
        super().__init__(site, MISSING)
        self._factory = factory

    def value(self) -> Any:
        """The value or a new default."""
        found = self._find()
        if found is not MISSING:
            return found
        made = self._factory()
        if not is_immutable(made):
            # Kept, so that a change in place is not lost on the first access alone.
            self._set(made)
        return made


class ListHandle(_Handle):
    """A ``ListState``; the table holds a list per key."""

    __slots__ = ()

    def get(self) -> list[Any]:
        """A copy of the elements."""
        found = self._find()
        return [] if found is MISSING else list(found)

    def add(self, value: Any, /) -> None:
        """Add one."""
        self.add_all((value,))

    def add_all(self, values: Iterable[Any], /) -> None:
        """Append several."""
        found = self._find()
        if found is MISSING:
            self.update(values)
        else:
            found.extend(values)

    def update(self, values: Iterable[Any], /) -> None:
        """Replace all."""
        elements = list(values)
        if elements:
            self._set(elements)
        else:
            self.clear()


class MapHandle(_Handle):
    """A ``MapState``; the table holds a dict per key."""

    __slots__ = ()

    def _map(self) -> dict[Any, Any]:
        found: dict[Any, Any] = self._find()
        return _EMPTY if found is MISSING else found

    def get(self, key: Any, default: Any = None, /) -> Any:
        """The value under ``key`` or ``default``."""
        return self._map().get(key, default)

    def contains(self, key: Any, /) -> bool:
        """Whether there is a value under ``key``."""
        return key in self._map()

    def keys(self) -> list[Any]:
        """The keys."""
        return list(self._map())

    def values(self) -> list[Any]:
        """The values."""
        return list(self._map().values())

    def items(self) -> list[tuple[Any, Any]]:
        """Keys and values."""
        return list(self._map().items())

    def is_empty(self) -> bool:
        """Whether there is no entry."""
        return not self._map()

    def put(self, key: Any, value: Any, /) -> None:
        """Set the value under ``key``."""
        found = self._find()
        if found is MISSING:
            self._set({key: value})
        else:
            found[key] = value

    def put_all(self, entries: dict[Any, Any], /) -> None:
        """Set several."""
        for key, value in entries.items():
            self.put(key, value)

    def remove(self, key: Any, /) -> None:
        """Forget ``key``."""
        found = self._map()
        found.pop(key, None)
        if not found:
            self.clear()


_EMPTY: dict[Any, Any] = {}  # never written: put() makes a dict of its own, and pop() of nothing changes nothing


class ReducingHandle(_Handle):
    """A ``ReducingState``; the table holds the fold so far."""

    __slots__ = ("_reduce",)

    def __init__(self, site: Site, reduce: Callable[[Any, Any], Any]) -> None:
        super().__init__(site)
        self._reduce = reduce

    def get(self) -> Any:
        """The fold so far, or ``None``."""
        found = self._find()
        return None if found is MISSING else found

    def add(self, value: Any, /) -> None:
        """Add one."""
        found = self._find()
        self._set(value if found is MISSING else self._reduce(found, value))


class AggregatingHandle(_Handle):
    """An ``AggregatingState``; the table holds the accumulator."""

    __slots__ = ("_aggregate",)

    def __init__(self, site: Site, aggregate: AggregateFunction[Any, Any, Any]) -> None:
        super().__init__(site)
        self._aggregate = aggregate

    def get(self) -> Any:
        """The fold so far, or ``None``."""
        found = self._find()
        return None if found is MISSING else self._aggregate.get_result(found)

    def add(self, value: Any, /) -> None:
        """Add one."""
        found = self._find()
        accumulator = self._aggregate.create_accumulator() if found is MISSING else found
        self._set(self._aggregate.add(accumulator, value))
