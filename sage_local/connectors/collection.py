"""A source over values that the program already has."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from sage_local.functions.source import SourceFunction, SplitReader

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class CollectionSplit:
    """All values of a collection; ``size`` is their number."""

    size: int


class CollectionSource(SourceFunction[T]):
    """Emits ``values`` in order, at parallelism 1. ``None`` is a value like any other.

    Lists, tuples and ranges are kept as they are. Any other iterable is read into a list at the first ``submit``, once:
    an iterator has nothing left for a second run. An endless iterable therefore belongs in a ``GeneratorSource``.
    """

    def __init__(self, values: Iterable[T]) -> None:
        if not isinstance(values, Iterable):
            raise TypeError(f"from_collection expects an iterable of values, found {type(values).__name__}")
        self._values = values

    def splits(self) -> Sequence[CollectionSplit]:
        """One split."""
        return (CollectionSplit(size=len(self._materialised())),)

    def open_split(self, split: CollectionSplit, position: int | None = None) -> SplitReader[T]:
        """``position`` is the number of values already read."""
        return CollectionReader(self._materialised(), position or 0)

    def _materialised(self) -> Sequence[T]:
        # Exact types: a subclass may compute its items in a way that slicing does not honour.
        if type(self._values) in (list, tuple, range):
            return self._values  # type: ignore[return-value]  # narrowed by exact type, which mypy does not follow
        self._values = list(self._values)
        return self._values


class CollectionReader(SplitReader[T]):
    """Reads a sequence by slices."""

    def __init__(self, values: Sequence[T], position: int) -> None:
        self._values = values
        self._position = position

    def poll(self, max_records: int, /) -> list[T] | None:
        """The next slice."""
        if self._position >= len(self._values):
            return None
        polled = list(self._values[self._position : self._position + max_records])
        self._position += len(polled)
        return polled

    def snapshot(self) -> int:
        """The number of values read."""
        return self._position

    def close(self) -> None:
        """Nothing is held."""
