"""Tumbling and sliding windows by panes: the records of a pane are folded once, and a whole window is emptied at once.

The table's namespaces are the numbers of the panes; a tumbling window is one pane.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from typing import Any, cast

from sage_local.core.elements import MAX_TIMESTAMP, Element, Partials, Rows
from sage_local.core.time_domain import TimeDomain
from sage_local.functions.state import BroadcastStateDescriptor
from sage_local.plan import operators as specs
from sage_local.runtime.codec.times import span
from sage_local.runtime.metrics.table import OperatorCounters
from sage_local.runtime.operators.windows.fold import Fold
from sage_local.runtime.operators.windows.operator import WindowOperator, held
from sage_local.runtime.operators.windows.pane_shape import PaneShape, pane_fold
from sage_local.runtime.operators.windows.stacks import Accumulators, KeptPanes, NumberStacks, Results, Stacks
from sage_local.runtime.protocol.blame import NO_RECORD, blame
from sage_local.runtime.protocol.explanations import WaitingWindow
from sage_local.runtime.state.backend import KeyedBackend
from sage_local.runtime.state.snapshot import StateSnapshot

_WORTH_A_RUN = 64
"""Records of a pane, at least, on an average: fewer are sooner folded where each looks for its pane."""
_FIRED = BroadcastStateDescriptor[str, int]("fired windows")


class PaneWindows(WindowOperator):
    """Windows with their assigner's own trigger and no lateness, so that each fires exactly once."""

    def __init__(self, spec: specs.Window, counters: OperatorCounters) -> None:
        self._shape = PaneShape.of(spec.assigner)
        super().__init__(spec, spec.assigner.domain, counters)
        self._open_from: int | None = None
        """The first pane that still belongs to a window which has not fired; ``None``: nothing has fired."""
        self._late_before: int | None = None
        self._quiet_until: int | None = None
        """Up to this time no further window can be due."""

    def _prepare(self, backend: KeyedBackend) -> None:
        self._table = backend.table("panes")
        # Panes left of windows that have fired look like those of windows to come, so snapshots say what has fired. All
        # subtasks say the same, since at a barrier all have had the same watermarks.
        self._fired = self._managed.broadcast_state(_FIRED)
        self._panes = self._stacks()
        self._open_from = self._fired.get("open from")

    def _stacks(self) -> KeptPanes | Stacks:
        fold, shape = self._output.fold, self._shape
        if self._spec.reduce is None and self._spec.aggregate is None:
            return KeptPanes(fold, self._table.find, shape.per_window, shape.per_slide)
        if shape.per_window > 1 and self._spec.function is None:
            numbers = fold.pane_stacks(shape.per_slide, with_key=self._output.emits_key)
            if numbers is not None:
                return NumberStacks(fold, self._table.find, shape.per_window, shape.per_slide, numbers)
        return Stacks(fold, self._table.find, shape.per_window, shape.per_slide)

    def snapshot(self) -> StateSnapshot:
        """See ``Stateful``."""
        self._note_fired()
        return super().snapshot()

    def capture(self, *, changes_only: bool) -> StateSnapshot:
        """See ``Sliced``."""
        self._note_fired()
        return super().capture(changes_only=changes_only)

    def _note_fired(self) -> None:
        if self._open_from is not None and self._shape.per_window > 1:
            self._fired.put("open from", self._open_from)

    def _fold(self) -> Fold:
        # A pane is part of several windows.
        copies = self._copies and self._shape.per_window > 1
        return pane_fold(self._spec, self._shape.grid, self._key_function(), copies=copies)

    def _add(self, rows: Rows) -> Iterable[Element]:
        if isinstance(rows, Partials):
            self._merge(rows)
            return
        times = self._times(rows)
        first, last = span(times)
        if self._late_before is not None and first < self._late_before:
            late, rows, times = parted(rows, times, self._late_before)
            yield from self._late(late)
            if not rows.values:
                return
            first, last = span(times)
        self._put(rows, times, self._shape.grid.cell(first), self._shape.grid.cell(last))

    def _put(self, rows: Rows, times: list[int], first: int, last: int) -> None:
        fold = self._output.fold
        wants_changes = self._table.wants_changes
        keys = None if rows.keys is None and fold.selects_keys and not wants_changes else self._keys(rows)
        if wants_changes and keys is not None:
            self._announce_panes(keys, times, first, last)
        # Panes that a window has been made of already are about to change.
        if first < self._panes.taken_up_to:
            self._panes.forget()
        space_of = self._table.space
        known: dict[int, int] = {}

        def find(pane: int) -> Any:
            space = space_of(pane)
            known.setdefault(pane, len(space))
            return space

        records = iter(rows.values)
        try:
            if first == last:
                fold.add_to_one(find(first), keys, records)
            elif (last - first) * _WORTH_A_RUN <= len(times) and times == sorted(times):
                self._add_in_order(find, keys, records, times)
            else:
                fold.add_to_many(find, keys, records, times)
        except BaseException as error:
            self._blame(rows, records, error)
        if rows.keys is None and self._spec.is_keyed:
            for pane, number in known.items():
                self._check_new_keys(number, space_of(pane), rows)

    def _add_in_order(
        self, find: Callable[[int], Any], keys: list[Any] | None, records: Iterator[Any], times: list[int]
    ) -> None:
        """As ``add_to_many``, for records in order of time: those of a pane lie together, and go there at once."""
        grid = self._shape.grid
        begin = 0
        while begin < len(times):
            pane = grid.cell(times[begin])
            end = bisect_left(times, grid.start(pane + 1), begin)
            of_pane = None if keys is None else keys[begin:end]
            self._output.fold.add_to_one(find(pane), of_pane, islice(records, end - begin))
            begin = end

    def _merge(self, partials: Partials) -> None:
        """Add what combiners sent: never too late, see there."""
        fold = self._output.fold
        keys, times = partials.keys, partials.timestamps
        assert keys is not None
        assert times is not None
        panes: dict[int, dict[Any, Any]] = {}
        try:
            for key, time, accumulator in zip(keys, times, partials.values, strict=True):
                pane = panes.setdefault(self._shape.grid.cell(time), {})
                pane[key] = fold.merge_two(pane[key], accumulator) if key in pane else accumulator
            if panes and min(panes) < self._panes.taken_up_to:
                self._panes.forget()
            for number, accumulators in panes.items():
                self._table.changed(accumulators, number)
                fold.merge_into(self._table.space(number), accumulators)
        except BaseException as error:
            blame(self.name, NO_RECORD, error)

    def _announce_panes(self, keys: list[Any], times: list[int], first: int, last: int) -> None:
        if first == last:
            self._announce(self._table, keys, first)
            return
        changing: dict[int, list[Any]] = {}
        for key, time in zip(keys, times, strict=True):
            changing.setdefault(self._shape.grid.cell(time), []).append(key)
        for pane, of_pane in changing.items():
            self._announce(self._table, of_pane, pane)

    def _next_deadline(self) -> int | None:
        """The end of the first window that has records."""
        if self._domain is TimeDomain.EVENT:
            return None
        first = min(self._live(), default=None)
        if first is None:
            return None
        window = self._shape.first_window(first)
        if self._open_from is not None:
            window = max(window, self._shape.aligned_up(self._open_from))
        return self._shape.grid.start(window + self._shape.per_window)

    def waiting(self, keys: tuple[Any, ...] | None, most: int) -> list[WaitingWindow]:
        """See ``WindowOperator``."""
        panes = {pane: number for pane in sorted(self._live()) if (number := held(keys, self._table.space(pane)))}
        found = self._shape.waiting(panes, self._open_from, most)
        return [self._waiting_window(window, number) for window, number in found]

    def _advance(self, time: int) -> Iterator[Element]:
        if self._quiet_until is not None and time <= self._quiet_until:
            return
        panes = sorted(self._live())
        # The first pane that has not ended: a window that reaches into it is not due.
        unfinished = self._shape.grid.cell(time + 1)
        last = (panes[-1] if panes else unfinished) if time == MAX_TIMESTAMP else unfinished - self._shape.per_window
        open_before, self._open_from = self._open_from, self._shape.aligned_up(unfinished - self._shape.per_window + 1)
        if self._domain is TimeDomain.EVENT:
            self._late_before = self._shape.grid.start(self._open_from)
        self._quiet_until = self._shape.grid.start(unfinished + 1) - 2
        yield from self._fire(panes, open_before, last)

    def _fire(self, panes: list[int], open_before: int | None, last: int) -> Iterator[Element]:
        """Fire every window with records that starts in a pane from ``open_before`` to ``last``."""
        index = 0
        while index < len(panes):
            start = self._shape.first_window(panes[index])
            if open_before is not None:
                start = max(start, self._shape.aligned_up(open_before))
            if start > last:
                return
            open_before = start + self._shape.per_slide
            failed: list[tuple[Any, BaseException]] = []
            contents = self._contents(start, failed)
            while index < len(panes) and panes[index] < open_before:
                self._table.drop(panes[index], is_final=self._output.fold.leaves_accumulators)
                index += 1
            window = self._shape.window(start)
            for key, error in failed:
                yield from self._output.diverted(error, key, window)
            if isinstance(contents, Mapping):
                yield from self._output.of_window(window, contents)
            else:
                yield from self._output.of_results(window, contents)

    def _contents(self, start: int, failed: list[tuple[Any, BaseException]]) -> Accumulators | Results:
        """Of the window that starts with pane ``start``, without the keys whose panes can not be merged."""
        try:
            return self._panes.window(start)
        except BaseException as error:
            if not isinstance(error, Exception):
                blame(self.name, NO_RECORD, error)
        # Once more, one by one, to know whose panes have failed.
        assert isinstance(self._panes, Stacks)  # records that are kept can always be joined
        return self._panes.one_by_one(start, lambda key, error: failed.append((key, error)))

    def _live(self) -> Iterable[int]:
        return cast(Iterable[int], self._table.namespaces())


def parted(rows: Rows, times: list[int], before: int) -> tuple[Rows, Rows, list[int]]:
    """The records with a time before ``before``, the others, and the times of these."""
    late = [time < before for time in times]
    kept = [not is_late for is_late in late]
    return _picked(rows, late), _picked(rows, kept), _pick(times, kept)


def _picked(rows: Rows, picked: list[bool]) -> Rows:
    keys = None if rows.keys is None else _pick(rows.keys, picked)
    timestamps = None if rows.timestamps is None else _pick(rows.timestamps, picked)
    return Rows(_pick(rows.values, picked), keys, timestamps)


def _pick(values: list[Any], picked: list[bool]) -> list[Any]:
    return [value for value, is_picked in zip(values, picked, strict=True) if is_picked]
