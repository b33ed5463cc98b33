"""Results of a flat_map, however many, in pieces: whoever takes the pieces decides when the next one is made."""

from collections.abc import Iterable, Iterator
from itertools import chain, islice
from time import monotonic_ns
from typing import Any

from sage_local.runtime.operators.returned import elements_of

LIMIT = 4096
"""Rows of a piece: the loop's own cost is spread thin by then, and the piece still fits the second-level cache."""
SLICE_NS = 2_000_000
"""Taking from users' iterators is interrupted about this often, so that commands and other tasks get their turn."""


class Explosion:
    """Takes from the iterables that a flat_map returned; learns how many elements can be had in a time slice."""

    def __init__(self) -> None:
        self._at_once = 1

    def pieces(self, calls: Iterable[Iterable[Any]]) -> Iterator[list[Any]]:
        """The elements of all ``calls``, in non-empty lists of at most ``LIMIT``."""
        # In C: no line of Python runs between the elements of one call, and only the call itself between two calls.
        elements = chain.from_iterable(calls)
        while piece := self._piece(elements, LIMIT):
            yield piece

    def ridden(self, calls: Iterable[tuple[Iterable[Any], Any]]) -> Iterator[tuple[list[Any], list[Any]]]:
        """The same for calls with something that rides beside their elements: elements and riders, equally many."""
        elements: list[Any] = []
        riders: list[Any] = []
        for got, rider in calls:
            rest = elements_of(got)
            while piece := self._piece(rest, LIMIT - len(elements)):
                elements += piece
                riders += [rider] * len(piece)
                if len(elements) >= LIMIT:
                    yield elements, riders
                    elements, riders = [], []
        if elements:
            yield elements, riders

    def _piece(self, elements: Iterator[Any], room: int) -> list[Any]:
        """Up to ``room`` elements, fewer when they take long; an empty list at the end only."""
        piece: list[Any] = []
        started_ns = monotonic_ns()
        while len(piece) < room:
            wanted = min(self._at_once, room - len(piece))
            before = len(piece)
            try:
                piece.extend(islice(elements, wanted))
            except TypeError as error:
                if _is_of_what_was_returned(error):
                    raise TypeError(f"expected the function to return an iterable of records: {error}") from None
                raise
            elapsed_ns = monotonic_ns() - started_ns
            if elapsed_ns > SLICE_NS:
                self._at_once = max(1, self._at_once // 2)
                break
            if len(piece) - before < wanted:
                break
            self._at_once = min(2 * self._at_once, LIMIT)
        return piece


def _is_of_what_was_returned(error: TypeError) -> bool:
    """Whether a call returned nothing to go through, and did not fail itself: no frame of it is there."""
    here = error.__traceback__
    return here is not None and here.tb_next is None and str(error).endswith("is not iterable")
