"""Count windows: the latest so many records of a key.

A tumbling one is a number and an accumulator per key. A sliding one is made of panes that many records long, which
wait in two stacks per key (see ``stacks``), so that its cost does not grow with size divided by slide.
"""

from collections.abc import Iterable, Sequence
from functools import reduce
from math import gcd
from typing import Any

from sage_local.core.elements import Element, Rows
from sage_local.core.time_domain import TimeDomain
from sage_local.plan import operators as specs
from sage_local.runtime.metrics.table import OperatorCounters
from sage_local.runtime.operators.key_checks import check_keys
from sage_local.runtime.operators.windows.fold import CountFold, Fold
from sage_local.runtime.operators.windows.operator import WindowOperator, held
from sage_local.runtime.protocol.blame import NO_RECORD, blame
from sage_local.runtime.protocol.explanations import WaitingWindow
from sage_local.runtime.state.backend import KeyedBackend
from sage_local.windowing.windows import GLOBAL_WINDOW

Panes = list[Any]
"""Of one key: how many there were, the front stack (the oldest last), the back (in order), and the back's sum."""
COUNT, FRONT, BACK, BACK_SUM = range(4)


class Apart(list[Any]):
    """Accumulators that the user's code failed to merge: it fails again when a window of them fires."""


class CountWindows(WindowOperator):
    """Fires behind every ``slide``-th record of a key, over the latest ``size``. Results have that record's timestamp.

    Windows that are not full at the end of input do not fire.
    """

    def __init__(self, spec: specs.CountWindow, counters: OperatorCounters) -> None:
        # Without merging the records themselves wait in the panes, and are folded when they fire.
        self._folds_late = spec.size != spec.slide and not Fold(spec.reduce, spec.aggregate, None).can_merge
        super().__init__(spec, TimeDomain.PROCESSING, counters)
        self._pane_size = gcd(spec.size, spec.slide)
        self._per_window, self._per_slide = spec.size // self._pane_size, spec.slide // self._pane_size
        self._keeps = self._folds_late or (spec.reduce is None and spec.aggregate is None)
        self._fills = CountFold(None, None) if self._folds_late else CountFold(spec.reduce, spec.aggregate)

    def _prepare(self, backend: KeyedBackend) -> None:
        self._filling = backend.table("counts")
        self._full = backend.table("full panes")

    def _add(self, rows: Rows) -> Iterable[Element]:
        keys = self._keys(rows)
        space = self._filling.space()
        full: list[tuple[Any, Any, int | None]] = []
        self._announce(self._filling, keys)
        records = iter(rows.values)
        stamps: Sequence[int | None] = rows.timestamps or [None] * len(rows.values)
        try:
            self._fills.add_counting(space, keys, records, stamps, self._pane_size, full.append)
        except BaseException as error:
            self._blame(rows, records, error)
        if rows.keys is None and self._spec.is_keyed:
            check_keys(self.name, keys, rows.values)
        for key, accumulator, stamp in full:
            yield from self._pane_is_full(key, accumulator, stamp)
        for element in self._output.flush():
            yield element if rows.timestamps is not None else _unstamped(element)

    def _pane_is_full(self, key: Any, accumulator: Any, stamp: int | None) -> Iterable[Element]:
        if self._per_window == 1:
            yield from self._fire(key, accumulator, stamp)
            return
        self._full.changed((key,))
        table = self._full.space()
        panes = table.get(key)
        if panes is None:
            panes = table[key] = [0, [], [], None]
        self._push(panes, accumulator)
        if panes[COUNT] % self._per_slide == 0:
            yield from self._fire(key, self._together(panes), stamp)

    def _fire(self, key: Any, contents: Any, stamp: int | None) -> Iterable[Element]:
        # Without event time there is no timestamp; what stands here for it is taken off with ``_unstamped``.
        stamp = 0 if stamp is None else stamp
        try:
            accumulator = self._folded(key, contents)
        except BaseException as error:
            yield from self._output.diverted(error, key, GLOBAL_WINDOW, stamp)
        else:
            yield from self._output.add(GLOBAL_WINDOW, key, accumulator, stamp)

    def _folded(self, key: Any, contents: Any) -> Any:
        fold = self._output.fold
        if self._folds_late:
            folded: dict[Any, Any] = {}
            fold.add_to_one(folded, [key] * len(contents), iter(contents))
            return folded[key]
        return reduce(fold.merge_two, contents) if type(contents) is Apart else contents

    def _push(self, panes: Panes, accumulator: Any) -> None:
        panes[COUNT] += 1
        if panes[COUNT] > self._per_window:
            self._pop(panes)
        panes[BACK].append(accumulator)
        if not self._keeps:
            only = len(panes[BACK]) == 1
            panes[BACK_SUM] = accumulator if only else self._merged(panes[BACK_SUM], accumulator)

    def _merged(self, first: Any, second: Any) -> Any:
        if type(first) is not Apart and type(second) is not Apart:
            try:
                return self._output.fold.merge_two(first, second)
            except BaseException as error:
                if self.divert is None:
                    blame(self.name, NO_RECORD, error)
        return Apart([*_parts(first), *_parts(second)])

    def _pop(self, panes: Panes) -> None:
        if self._keeps:
            panes[BACK].pop(0)
            return
        if not panes[FRONT]:
            together = panes[BACK].pop()
            panes[FRONT].append(together)
            while panes[BACK]:
                together = self._merged(panes[BACK].pop(), together)
                panes[FRONT].append(together)
            panes[BACK_SUM] = None
        panes[FRONT].pop()

    def _together(self, panes: Panes) -> Any:
        if self._keeps:
            return [record for pane in panes[BACK] for record in pane]
        if not panes[FRONT]:
            return panes[BACK_SUM]
        if not panes[BACK]:
            return panes[FRONT][-1]
        return self._merged(panes[FRONT][-1], panes[BACK_SUM])

    def waiting(self, keys: tuple[Any, ...] | None, most: int) -> list[WaitingWindow]:
        """See ``WindowOperator``. Without a key there is one entry for all of them: each counts for itself."""
        filling = self._filling.space()
        if keys is not None:
            present = [key for key in keys if key in filling or key in self._full.space()]
            return [WaitingWindow(None, None, None, "records", 1, self._missing(key)) for key in present[:most]]
        number = held(None, filling.keys() | self._full.space().keys())
        return [WaitingWindow(None, None, None, "records", number, "fires by numbers of records")] if number else []

    def _missing(self, key: Any) -> str:
        """How many records ``key`` needs for its next window."""
        filled = self._filling.space().get(key, (0,))[0]
        panes = self._full.space().get(key)
        done = (panes[COUNT] if panes is not None else 0) * self._pane_size + filled
        slide = self._per_slide * self._pane_size
        return f"fires after {slide - done % slide} more records of the key"

    def _advance(self, time: int) -> Iterable[Element]:
        return ()


def _parts(accumulator: Any) -> list[Any]:
    return accumulator if type(accumulator) is Apart else [accumulator]


def _unstamped(element: Element) -> Element:
    return Rows(element.values) if isinstance(element, Rows) else element
