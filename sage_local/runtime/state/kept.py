"""What the keys of one table had at the moment of a capture, as far as they were touched since."""

import pickle
from collections.abc import Collection, Hashable, Mapping, Sequence
from typing import Any, Final

from sage_local.runtime.native import is_immutable
from sage_local.runtime.state.chunk import PROTOCOL, Entries, first_unpicklable, unpicklable

Key = Any
Namespace = Hashable

ABSENT: Final = object()


class _Copies:
    """Values that may be changed in place, pickled together before they were."""

    __slots__ = ("_pickled", "_values")

    def __init__(self, pickled: bytes) -> None:
        self._pickled = pickled
        self._values: list[Any] | None = None

    def __getitem__(self, at: int) -> Any:
        if self._values is None:
            self._values = pickle.loads(self._pickled)
            self._pickled = b""
        return self._values[at]


class _Copy:
    __slots__ = ("at", "copies")

    def __init__(self, copies: _Copies, at: int) -> None:
        self.copies = copies
        self.at = at


class Kept:
    """See the module. Values that nobody can change in place are kept as they are."""

    def __init__(self, table: str) -> None:
        self._table = table
        self._of: dict[Namespace, dict[Key, Any]] = {}
        self._dropped: dict[Namespace, Mapping[Key, Any]] = {}

    def keep(self, keys: Collection[Key], namespace: Namespace, values: Mapping[Key, Any]) -> None:
        """``keys`` are about to change."""
        if namespace in self._dropped:
            return
        kept = self._of.get(namespace)
        if kept is None:
            kept = self._of[namespace] = {}
        mutable = []
        for key in keys:
            if key not in kept:
                value = kept[key] = values.get(key, ABSENT)
                if value is not ABSENT and not is_immutable(value):
                    mutable.append(key)
        if mutable:
            copies = _Copies(self._pickled(mutable, [kept[key] for key in mutable]))
            for at, key in enumerate(mutable):
                kept[key] = _Copy(copies, at)

    def keep_dropped(self, namespace: Namespace, values: Mapping[Key, Any]) -> None:
        """``values`` are the namespace's no more, and nobody is going to change any of them."""
        self._dropped.setdefault(namespace, values)

    def entries(self, namespace: Namespace, keys: Sequence[Key], values: Mapping[Key, Any]) -> Entries:
        """``keys`` with what they had; those without a value as removed."""
        values = self._dropped.get(namespace, values)
        kept = self._of.get(namespace)
        if kept:
            found = [_value(kept[key]) if key in kept else values.get(key, ABSENT) for key in keys]
        else:
            found = [values.get(key, ABSENT) for key in keys]
        removed = [key for key, value in zip(keys, found, strict=True) if value is ABSENT]
        if removed:
            keys = [key for key, value in zip(keys, found, strict=True) if value is not ABSENT]
            found = [value for value in found if value is not ABSENT]
        return Entries(self._table, namespace, keys, found, removed)

    def _pickled(self, keys: list[Key], values: list[Any]) -> bytes:
        try:
            return pickle.dumps(values, PROTOCOL)
        # What pickle raises depends on the type that refuses.
        except (pickle.PicklingError, TypeError, AttributeError) as error:
            raise unpicklable(self._table, first_unpicklable(zip(keys, values, strict=True)), error) from error


def _value(kept: Any) -> Any:
    return kept.copies[kept.at] if type(kept) is _Copy else kept
