"""Results of a flat_map, however many, in pieces: whoever takes the pieces decides when the next one is made."""

from collections.abc import Generator, Iterable, Iterator
from itertools import islice
from time import monotonic_ns
from typing import Any

LIMIT = 4096
"""Rows of a piece: the loop's own cost is spread thin by then, and the piece still fits the second-level cache."""
SLICE_NS = 2_000_000
"""Taking from a user's iterator is interrupted about this often, so that commands and other tasks get their turn."""


class Explosion:
    """Takes from the iterables that a flat_map returned; learns how many elements can be had in a time slice."""

    limit = LIMIT

    def __init__(self) -> None:
        self._at_once = 1

    def pour(self, got: Iterable[Any], out: list[Any]) -> Generator[list[Any], None, list[Any]]:
        """Append what ``got`` gives to ``out``; yields ``out`` whenever it is full, or was slow to get. Returns the last, unfinished one."""
        rest = iter(got)
        while True:
            wanted = min(self._at_once, LIMIT - len(out))
            before = len(out)
            started_ns = monotonic_ns()
            out.extend(islice(rest, wanted))
            if len(out) - before < wanted:
                return out
            elapsed_ns = monotonic_ns() - started_ns
            self._learn(wanted, elapsed_ns)
            if len(out) >= LIMIT or elapsed_ns > SLICE_NS:
                yield out
                out = []

    def parts(self, got: Iterable[Any]) -> Iterator[list[Any]]:
        """What ``got`` gives, in non-empty lists."""
        last = yield from self.pour(got, [])
        if last:
            yield last

    def cut(self, out: list[Any]) -> Iterator[list[Any]]:
        """``out`` in pieces of about the limit: a user may return a list of any length."""
        if len(out) <= 2 * LIMIT:
            yield out
            return
        for start in range(0, len(out), LIMIT):
            yield out[start : start + LIMIT]

    def _learn(self, wanted: int, elapsed_ns: int) -> None:
        if elapsed_ns > SLICE_NS:
            self._at_once = max(1, wanted // 2)
        elif wanted == self._at_once and elapsed_ns < SLICE_NS // 2:
            self._at_once = min(2 * wanted, LIMIT)
