"""The combiner of windows: folds records into panes before the exchange, so that accumulators travel in their place.

A pane is sent on before the watermark that ends it, so it is never late where its record would not have been; what is
late here already goes as it is. Nothing is held back across a barrier, so there is nothing to snapshot.
"""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

from sage_local.core.elements import MAX_TIMESTAMP, MIN_TIMESTAMP, Element, Idleness, Partials, Rows, Watermark
from sage_local.functions import Role
from sage_local.plan import operators as specs
from sage_local.runtime.channels.keying import Keying
from sage_local.runtime.codec.times import span
from sage_local.runtime.metrics.table import OperatorCounters
from sage_local.runtime.operators.key_checks import check_keys, check_new_keys
from sage_local.runtime.operators.protocol import TaskContext
from sage_local.runtime.operators.user_function import UserFunction, close_all
from sage_local.runtime.operators.windows.operator import held
from sage_local.runtime.operators.windows.pane_shape import PaneShape, pane_fold
from sage_local.runtime.operators.windows.panes import parted
from sage_local.runtime.protocol.blame import blame, record_at
from sage_local.runtime.protocol.explanations import WaitingWindow

ENOUGH = 0.5
"""Combining is kept up where at most so many partials are sent for each record folded."""
MOST_HELD = 100_000
"""Accumulators: they are a part of the windows' state a second time, so there must be few beside the rest."""
FIRST_REST, LAST_REST = 16, 1024
"""Batches that go as they are after a try that did not pay: twice as many each time."""
SENT_AT_ONCE = 4096


class CombineWindows:
    """In front of the exchange of ``spec.window``; failures are told as that operator's."""

    def __init__(self, spec: specs.PartialWindow, counters: OperatorCounters) -> None:
        assert spec.key_selector is not None
        self.name = spec.name
        self.place = counters.place
        self.windows_of = spec.window.name
        """See ``HasWindows``."""
        self.event_time = MIN_TIMESTAMP
        self.late_dropped = 0
        self._counters = counters
        self._selector = UserFunction(self.windows_of, spec.key_selector, Role.KEY)
        self._keying = Keying(self.windows_of, self._selector.call)
        self._aggregate = UserFunction(self.windows_of, spec.window.aggregate)
        self._shape = PaneShape.of(spec.window.assigner)
        self._fold = pane_fold(spec.window, self._shape.grid, None)
        self._panes: dict[int, dict[Any, Any]] = {}
        self._open_from: int | None = None
        """The first pane that has not ended; ``None``: that is not known, and nothing may be held back."""
        self._resting = 0
        self._rest = FIRST_REST
        self._folded = self._sent = 0  # in this try
        self._holds = spec.holds
        self._was_idle = False

    @property
    def clock_ms(self) -> int:
        """No window here goes by the clock."""
        return 0

    def open(self, context: TaskContext) -> None:
        """Open the functions."""
        for function in (self._selector, self._aggregate):
            function.open(context)

    def process(self, rows: Rows) -> Iterable[Element]:
        """Fold the batch, or send it as it is."""
        if not rows.values:
            return
        self._counters.took(len(rows.values))
        if self._resting or self._was_idle or self._open_from is None or rows.timestamps is None:
            self._resting = max(self._resting - 1, 0)
            yield from self._given(rows)
            return
        times = rows.timestamps
        first, last = span(times)
        open_from = self._shape.grid.start(self._open_from)
        if first < open_from:
            late, rows, times = parted(rows, times, open_from)
            yield from self._given(late)
            if not times:
                return
            first, last = span(times)
        self._put(rows, times, self._shape.grid.cell(first), self._shape.grid.cell(last))
        if not self._holds or sum(map(len, self._panes.values())) > MOST_HELD:
            yield from self.let_go()

    def watermark(self, watermark: Watermark) -> Iterable[Element]:
        """Send the panes that it ends."""
        time = self.event_time = max(self.event_time, watermark.timestamp)
        self._open_from = self._shape.grid.cell(min(time, MAX_TIMESTAMP - 1) + 1)
        ended = [pane for pane in self._panes if pane < self._open_from or time == MAX_TIMESTAMP]
        yield from self._send(sorted(ended))
        yield watermark

    def idleness(self, idleness: Idleness) -> Iterable[Element]:
        """While we are idle the windows' time goes on without us, so from now on nothing is held back."""
        self._was_idle = True
        yield from self.let_go()
        yield idleness

    def let_go(self) -> Iterable[Element]:
        """See ``Holding``."""
        return self._send(sorted(self._panes))

    def end(self) -> Iterable[Element]:
        """What is left."""
        return self.let_go()

    def close(self) -> None:
        """Close the functions."""
        close_all((self._selector, self._aggregate))

    def waiting(self, keys: tuple[Any, ...] | None, most: int) -> list[WaitingWindow]:
        """See ``HasWindows``: what is still here."""
        panes = {pane: number for pane in sorted(self._panes) if (number := held(keys, self._panes[pane]))}
        return [
            WaitingWindow(window.start, window.end, window.max_timestamp, "watermark", number)
            for window, number in self._shape.waiting(panes, None, most)
        ]

    def _put(self, rows: Rows, times: list[int], first: int, last: int) -> None:
        keys = self._keying.select(rows)
        panes = self._panes
        known = {pane: len(space) for pane, space in panes.items()}
        records = iter(rows.values)
        try:
            if first == last:
                self._fold.add_to_one(panes.setdefault(first, {}), keys, records)
            else:
                self._fold.add_to_many(lambda pane: panes.setdefault(pane, {}), keys, records, times)
        except BaseException as error:
            record = record_at(rows.values, records)
            check_keys(self.windows_of, self._keying.select(Rows([record])), [record])
            blame(self.windows_of, record, error)
        for pane, space in panes.items():
            check_new_keys(self.windows_of, space, known.get(pane, 0), lambda: keys, rows.values)
        self._folded += len(rows.values)

    def _send(self, panes: list[int]) -> Iterator[Element]:
        for pane in panes:
            items = iter(self._panes.pop(pane).items())
            time = self._shape.grid.start(pane)
            while batch := list(islice(items, SENT_AT_ONCE)):
                keys, accumulators = map(list, zip(*batch, strict=True))
                self._sent += len(batch)
                yield from self._given(Partials(accumulators, keys, [time] * len(batch)))
        if self._sent and not self._panes:
            self._judge()

    def _judge(self) -> None:
        """At the end of a try: all that was folded has been sent."""
        pays = self._sent <= ENOUGH * self._folded
        self._folded = self._sent = 0
        self._resting = 0 if pays else self._rest
        self._rest = FIRST_REST if pays else min(2 * self._rest, LAST_REST)

    def _given(self, rows: Rows) -> Iterator[Element]:
        self._counters.gave(len(rows.values))
        yield rows
