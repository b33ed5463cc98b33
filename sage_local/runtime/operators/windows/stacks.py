"""The contents of sliding windows from panes, without going through all panes for every window.

Two stacks, as a queue is made of two stacks: in ``front`` stands, for each start still to come, what the panes from
there up to the turn hold together; ``back`` holds what the panes behind the turn hold together. A window is one entry
of the front merged with the back. When the front is used up, the turn moves behind the window at hand. Each pane is
merged twice altogether, however many windows it is part of.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from sage_local.runtime.operators.windows.fold import Fold
from sage_local.runtime.operators.windows.output import ROWS
from sage_local.runtime.state.folding import PaneStacks

Accumulators = Mapping[Any, Any]
Pane = Callable[[int], Accumulators | None]
Results = Iterator[list[Any]]
"""Of a window, some at a time; to be taken before anything else is asked for."""
NEVER = -(2**200)
"""Below every pane number."""


class Stacks:
    """For accumulators that can be merged. Windows are asked for in order; panes between are all there or empty."""

    def __init__(self, fold: Fold, pane: Pane, per_window: int, per_slide: int) -> None:
        self._fold = fold
        self._pane = pane
        self._per_window = per_window
        self._per_slide = per_slide
        self._front: dict[int, dict[Any, Any]] = {}
        self._back: dict[Any, Any] = {}
        self.taken_up_to = NEVER
        """Panes below are in the stacks: when one of them changes, ``forget``."""

    def forget(self) -> None:
        """Start anew from the panes."""
        self._front.clear()
        self._back = {}
        self.taken_up_to = NEVER

    def window(self, start: int) -> Accumulators | Results:
        """What the window that starts with pane ``start`` holds. The accumulators are shared: not to be changed."""
        if self._per_window == 1:
            return self._pane(start) or {}
        if start not in self._front:
            self._turn(start)
        end = start + self._per_window
        for number in range(self.taken_up_to, end):
            self._fold.merge_into(self._back, self._pane(number) or {})
        self.taken_up_to = max(self.taken_up_to, end)
        contents = self._front.pop(start)
        self._fold.merge_into(contents, self._back)
        return contents

    def one_by_one(self, start: int, failed: Callable[[Any, BaseException], None]) -> Accumulators:
        """As ``window`` after that has raised: ``failed(key, error)`` is told of each key that can not be merged."""
        self.forget()
        contents: dict[Any, Any] = {}
        left_out = set()
        for number in range(start, start + self._per_window):
            for key, accumulator in (self._pane(number) or {}).items():
                if key not in contents:
                    contents[key] = accumulator
                elif key not in left_out:
                    try:
                        contents[key] = self._fold.merge_two(contents[key], accumulator)
                    except BaseException as error:
                        left_out.add(key)
                        failed(key, error)
        return {key: accumulator for key, accumulator in contents.items() if key not in left_out}

    def _turn(self, start: int) -> None:
        self.forget()
        self.taken_up_to = start + self._per_window
        together: dict[Any, Any] = {}
        for number in range(self.taken_up_to - 1, start - 1, -1):
            self._fold.merge_before(together, self._pane(number) or {})
            if (number - start) % self._per_slide == 0:
                self._front[number] = dict(together)


class NumberStacks(Stacks):
    """As ``Stacks``, with both stacks in ``numbers``, from which results come without an accumulator for each.

    With the first value that is no number, it goes on for good as ``Stacks`` do.
    """

    def __init__(self, fold: Fold, pane: Pane, per_window: int, per_slide: int, numbers: PaneStacks) -> None:
        super().__init__(fold, pane, per_window, per_slide)
        self._numbers: PaneStacks | None = numbers
        self._turned_at = NEVER

    def forget(self) -> None:
        """See ``Stacks``."""
        super().forget()
        self._turned_at = NEVER
        if self._numbers is not None:
            self._numbers.forget()

    def window(self, start: int) -> Accumulators | Results:
        """See ``Stacks``."""
        if self._numbers is not None:
            if self._take(self._numbers, start):
                return self._results(self._numbers, start - self._turned_at)
            self.forget()
            self._numbers = None
        return super().window(start)

    def _take(self, numbers: PaneStacks, start: int) -> bool:
        """Whether the panes of the window are in the stacks now: all of their values are numbers."""
        if start > self.taken_up_to:
            self.forget()
            self.taken_up_to = start
        first, self.taken_up_to = self.taken_up_to, max(self.taken_up_to, start + self._per_window)
        if not all(numbers.add(self._dict_of(number)) for number in range(first, self.taken_up_to)):
            return False
        if start - self._turned_at < self._per_window:
            return True
        self._turned_at = start
        keys = numbers.turn(self._per_window)
        if keys is None or len(numbers) <= 2 * keys:
            return keys is not None
        # Most of the keys were in earlier panes only: their places are to be others'.
        self.forget()
        return self._take(numbers, start)

    def _dict_of(self, number: int) -> dict[Any, Any]:
        found = self._pane(number) or {}
        return found if type(found) is dict else dict(found)

    def _results(self, numbers: PaneStacks, pane: int) -> Results:
        place = 0
        while place < len(numbers):
            place, results = numbers.results(pane, place, ROWS)
            # All keys that are left may have been in panes before this window alone.
            if results:
                yield results


class KeptPanes:
    """For windows that keep their records: whoever sees them goes through all, and stacks would hold copies."""

    taken_up_to = NEVER

    def __init__(self, fold: Fold, pane: Pane, per_window: int, per_slide: int) -> None:
        self._pane = pane
        self._per_window = per_window

    def forget(self) -> None:
        """Nothing is kept here."""

    def window(self, start: int) -> Accumulators:
        """The records of each key, in order of panes."""
        contents: dict[Any, list[Any]] = {}
        for number in range(start, start + self._per_window):
            for key, records in (self._pane(number) or {}).items():
                contents.setdefault(key, []).extend(records)
        return contents
