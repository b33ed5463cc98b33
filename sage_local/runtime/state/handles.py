"""The users' state objects over a backend's tables: each speaks of the key under the cursor."""

from collections.abc import Callable, Iterable, MutableMapping
from typing import Any, Final, NamedTuple, NoReturn

from sage_local.errors import StateError
from sage_local.functions.folds import AggregateFunction
from sage_local.runtime.state.backend import NO_KEY, VOID, Cursor, Namespace, Table

MISSING: Final = object()

_IMMUTABLE = frozenset({int, float, complex, bool, str, bytes, type(None)})


def refuse(error: TypeError, cursor: Cursor, name: str) -> NoReturn:
    """Say what a ``TypeError`` from a table means: ``NO_KEY`` can not be hashed, so no access needs to look for it."""
    if cursor.key is not NO_KEY:
        raise error
    raise StateError(
        f"state {name!r} was used where there is no key: keyed state can be read and written only while a record or a"
        " timer is being processed, not in open() or close()"
    ) from None


class Site(NamedTuple):
    """Where a state is kept: a table's values of one namespace, under the name that its user gave it."""

    name: str
    table: Table
    values: MutableMapping[Any, Any]
    cursor: Cursor
    namespace: Namespace = VOID


class _Handle:
    """What all have: the values, the key at hand, and the duty to name the keys that change."""

    __slots__ = ("_cursor", "_name", "_namespace", "_said", "_table", "_tracked", "_values")

    def __init__(self, site: Site) -> None:
        self._name, self._table, self._values, self._cursor, self._namespace = site
        self._tracked = site.table.tracks_changes
        self._said = site.table.said(site.namespace)

    def _find(self) -> Any:
        key = self._cursor.key
        try:
            found = self._values.get(key, MISSING)
        except TypeError as error:
            refuse(error, self._cursor, self._name)
        if self._tracked and key not in self._said and type(found) not in _IMMUTABLE and found is not MISSING:
            # Whoever asked may change it in place and never tell.
            self._table.changed((key,), self._namespace)
        return found

    def _set(self, value: Any) -> None:
        key = self._cursor.key
        try:
            if self._tracked and key not in self._said:
                self._table.changed((key,), self._namespace)
            self._values[key] = value
        except TypeError as error:
            refuse(error, self._cursor, self._name)

    def clear(self) -> None:
        """Forget what the key has."""
        key = self._cursor.key
        try:
            # Not pop with a default: that does not hash the key of an empty dict.
            if key in self._values:
                self._table.changed((key,), self._namespace)
                del self._values[key]
        except TypeError as error:
            refuse(error, self._cursor, self._name)


class ValueHandle(_Handle):
    """A ``ValueState``."""

    __slots__ = ("_default", "_factory")

    def __init__(self, site: Site, default: Any, factory: Callable[[], Any] | None) -> None:
        super().__init__(site)
        self._default = default
        self._factory = factory

    def value(self) -> Any:
        """The value or the default."""
        found = self._find()
        if found is not MISSING:
            return found
        if self._factory is None:
            return self._default
        made = self._factory()
        if type(made) not in _IMMUTABLE:
            # Kept, so that a change in place is not lost on the first access alone.
            self._set(made)
        return made

    def update(self, value: Any, /) -> None:
        """Set the value."""
        self._set(value)


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
