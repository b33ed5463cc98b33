"""Two results of one program, compared and told apart in words."""

import dataclasses
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from itertools import zip_longest
from typing import Any, Literal

Order = Literal["any", "total"] | Callable[[Any], Any]
"""Which order has to be the same: none, that of all records, or that of the records with the same key (a function of
the record)."""

SHOWN = 5
"""Records of a kind that are written out; the others are counted."""
_MISSING = object()


def differences(expected: Sequence[Any], found: Sequence[Any], order: Order) -> list[str]:
    """In which ways ``found`` is not ``expected``, as lines of text; none where it is."""
    counted = _uncounted(expected, found)
    if counted or order == "any":
        return counted
    if order == "total":
        return _first_difference(expected, found, "")
    assert callable(order)
    ours, theirs = _by_key(expected, order), _by_key(found, order)
    return [line for name, key in _names(ours) for line in _first_difference(ours[key], theirs[key], f" of key {name}")]


def identity(value: Any) -> Hashable:
    """Equal for values that are of one type and equal, all the way down; for anything, hashable or not."""
    kind = type(value)
    if kind in (int, str, bytes, bool, type(None)):
        return kind, value
    if kind is float:
        return kind, repr(value)  # NaN is NaN here, and -0.0 is not 0.0
    if isinstance(value, dict):
        return kind, frozenset((identity(key), identity(each)) for key, each in value.items())
    if isinstance(value, list | tuple):
        return kind, tuple(map(identity, value))
    if isinstance(value, set | frozenset):
        return kind, frozenset(map(identity, value))
    return _of_object(value, kind)


def _of_object(value: Any, kind: type) -> Hashable:
    if dataclasses.is_dataclass(value):
        return kind, tuple((each.name, identity(getattr(value, each.name))) for each in dataclasses.fields(value))
    if "__eq__" not in _defined(kind) and hasattr(value, "__dict__"):
        # Equal only to itself, and every run has its own.
        return kind, identity(vars(value))
    return (kind, value) if isinstance(value, Hashable) else (kind, repr(value))


def _defined(kind: type) -> set[str]:
    return {name for each in kind.__mro__[:-1] for name in vars(each)}


def _uncounted(expected: Iterable[Any], found: Iterable[Any]) -> list[str]:
    shown: dict[Hashable, Any] = {}
    counts = []
    for records in (expected, found):
        identities = [identity(record) for record in records]
        shown.update(zip(identities, records, strict=True))
        counts.append(Counter(identities))
    wanted, got = counts
    return [*_listed("missing", wanted - got, shown), *_listed("too many", got - wanted, shown)]


def _listed(word: str, counts: "Counter[Hashable]", shown: dict[Hashable, Any]) -> Iterator[str]:
    if not counts:
        return
    yield f"{word}: {counts.total()}"
    for known, number in list(counts.items())[:SHOWN]:
        yield f"  {text(shown[known])}" + (f"  ({number} times)" if number > 1 else "")
    if len(counts) > SHOWN:
        yield f"  ... and {len(counts) - SHOWN} other records"


def _first_difference(expected: Sequence[Any], found: Sequence[Any], where: str) -> list[str]:
    for index, (ours, theirs) in enumerate(zip_longest(expected, found, fillvalue=_MISSING)):
        if identity(ours) != identity(theirs):
            return [f"another order from record {index}{where} on: expected {text(ours)}, found {text(theirs)}"]
    return []


def _by_key(records: Iterable[Any], key: Callable[[Any], Any]) -> dict[Hashable, list[Any]]:
    found: dict[Hashable, list[Any]] = {}
    for record in records:
        found.setdefault(identity(key(record)), []).append(record)
    return found


def _names(by_key: Iterable[Any]) -> Iterator[tuple[str, Hashable]]:
    return ((text(key[1]), key) for key in by_key)


def text(value: Any) -> str:
    """A ``repr`` of one line, shortened where it is long."""
    shown = repr(value)
    return shown if len(shown) <= 200 else f"{shown[:200]}…"
