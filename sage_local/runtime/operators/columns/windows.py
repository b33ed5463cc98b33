"""Vectorised aggregates of each key and tumbling or sliding window of event time."""

import pickle
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from sage_local.core.elements import MIN_TIMESTAMP, Element, Watermark
from sage_local.functions.columns import WINDOW_END, WINDOW_START
from sage_local.functions.grouping import Grouping, records_of
from sage_local.plan import columns as specs
from sage_local.runtime.codec.column_keys import distinct_keys
from sage_local.runtime.metrics.table import OperatorCounters
from sage_local.runtime.operators.columns.base import ColumnOperator
from sage_local.runtime.operators.columns.combine import Combiner
from sage_local.runtime.operators.columns.panes import PANE, Panes, pane_starts
from sage_local.runtime.operators.columns.stored import ColumnCapture, restored, whole_snapshot
from sage_local.runtime.operators.protocol import TaskContext
from sage_local.runtime.protocol.explanations import WaitingWindow, windows_of_panes
from sage_local.runtime.state.chunk import PROTOCOL
from sage_local.runtime.state.snapshot import StateSnapshot

RESULT_ROWS = 128 * 1024
MIN_PENDING = 1 << 20
"""Partials wait to be merged until there are as many records of them as of the first, and at least so many."""
MOST_PENDING = 256
"""Of small ones: each takes more space than its records."""


class WindowOperator(ColumnOperator, ABC):
    """What all windows of columns share: partials of what is not over yet."""

    def __init__(self, spec: specs.WindowColumns, counters: OperatorCounters) -> None:
        super().__init__(spec, counters)
        self._keys = list(spec.keys)
        self._is_combined = spec.is_combined
        self._combiner = Combiner(spec)
        self._grouping = Grouping(spec.aggregates)
        self._pending: list[Any] = []
        self._watermark = self._emitted = MIN_TIMESTAMP
        self._restored: StateSnapshot | None = None

    def open(self, context: TaskContext) -> None:
        """Put back the state."""
        self._context = context
        if self._restored is not None:
            # Between the same two barriers all subtasks have heard the same watermark.
            heard = [pickle.loads(written) for written in self._restored.subtasks]
            self._watermark = self._emitted = max(heard, default=MIN_TIMESTAMP)
            self._put_back(restored(self._restored, context))
            self._restored = None

    def snapshot(self) -> StateSnapshot:
        """See ``Stateful``."""
        return whole_snapshot(self.capture(changes_only=False))

    def capture(self, *, changes_only: bool) -> StateSnapshot:
        """See ``Sliced``."""
        partials = list(self._pending)
        capture = ColumnCapture(partials, self._keys, self._merged, self._context)
        unkeyed = pickle.dumps(self._watermark, PROTOCOL)
        return StateSnapshot(subtasks=[unkeyed], entries={"windows": sum(map(len, partials))}, capture=capture)

    def restore(self, snapshot: StateSnapshot) -> None:
        """See ``Stateful``."""
        self._restored = snapshot

    def batches(self, batch: Any) -> Iterable[Any]:
        """Nothing before the watermark says so."""
        partial = batch if self._is_combined else self._combiner.partial(batch)
        self._add(partial)
        return ()

    def watermark(self, watermark: Watermark) -> Iterable[Element]:
        """Emit the windows that are over."""
        self._watermark = watermark.timestamp
        with self.blamed():
            results = list(self._due())
        for whole in results:
            yield from self.emitted(whole.slice(start, RESULT_ROWS) for start in range(0, len(whole), RESULT_ROWS))
        yield watermark

    @property
    def windows_of(self) -> str:
        """See ``HasWindows``."""
        return self.name

    @property
    def event_time(self) -> int:
        """The last watermark."""
        return self._watermark

    @property
    def clock_ms(self) -> int:
        """The machine's clock; nothing here goes by it."""
        return self._context.clock.now_ms()

    @property
    def late_dropped(self) -> int:
        """How many records came too late."""
        return self._counters.records_late

    @abstractmethod
    def waiting(self, keys: tuple[Any, ...] | None, most: int) -> list[WaitingWindow]:
        """At most so many of the windows that hold records of any of ``keys`` (``None``: of any), in order of firing.

        A key is the value of its column, or the tuple of those of several.
        """

    def _of_keys(self, partial: Any, keys: tuple[Any, ...] | None) -> Any:
        import numpy as np
        import pyarrow as pa

        if keys is None:
            return partial
        if not self._keys:
            return partial if None in keys else partial.slice(0, 0)
        codes, distinct = distinct_keys(partial, self._keys)
        return partial.filter(pa.array(np.array([key in keys for key in distinct], bool)[codes]))

    def _put_back(self, partials: list[Any]) -> None:
        self._pending = partials

    @abstractmethod
    def _merged(self, partials: Sequence[Any]) -> Any:
        """One partial of several."""

    @abstractmethod
    def _add(self, partial: Any) -> None: ...

    @abstractmethod
    def _due(self) -> Iterator[Any]: ...

    def _results(self, partial: Any, starts: Any, ends: Any) -> Any:
        import pyarrow as pa

        keys = {name: partial.column(name) for name in self._keys}
        window = {WINDOW_START: starts, WINDOW_END: ends}
        return pa.RecordBatch.from_pydict({**keys, **window, **self._grouping.results(partial)})


class ColumnWindows(WindowOperator):
    """Partials by pane. A tumbling window is one pane; a sliding one is put together from several."""

    def __init__(self, spec: specs.WindowColumns, counters: OperatorCounters) -> None:
        super().__init__(spec, counters)
        self._panes = Panes(spec.assigner)
        self._next: int | None = None
        self._spans: list[tuple[int, int]] = []  # of each pending partial: end of its first and last pane's windows

    def _following(self, watermark: int) -> int | None:
        """The first pane of the first sliding window that is not over by ``watermark``."""
        if watermark == MIN_TIMESTAMP:
            return None
        panes = self._panes
        return ((panes.grid.cell(watermark + 1) - panes.per_window) // panes.per_slide + 1) * panes.per_slide

    def _put_back(self, partials: list[Any]) -> None:
        for partial in partials:
            self._keep(partial, self._panes.ends(pane_starts(partial)))

    def waiting(self, keys: tuple[Any, ...] | None, most: int) -> list[WaitingWindow]:
        """See ``WindowOperator``."""
        import numpy as np

        if not self._pending:
            return []
        grid, per_window = self._panes.grid, self._panes.per_window
        merged = self._of_keys(self._merged(self._pending), keys)
        starts, numbers = np.unique(pane_starts(merged), return_counts=True)
        panes = {grid.cell(start): number for start, number in zip(starts.tolist(), numbers.tolist(), strict=True)}
        found = windows_of_panes(
            panes,
            per_window=per_window,
            per_slide=self._panes.per_slide,
            open_from=self._following(self._watermark),
            most=most,
        )
        ends = [grid.start(start + per_window) for start, _ in found]
        return [
            WaitingWindow(grid.start(start), end, end - 1, "watermark", number)
            for (start, number), end in zip(found, ends, strict=True)
        ]

    def _merged(self, partials: Sequence[Any]) -> Any:
        return self._grouping.merged([*self._keys, PANE], partials, self._panes.steps)

    def _settle(self, first: int = 0) -> None:
        """Make one partial of all from the ``first`` on."""
        if len(self._pending) > first + 1:
            merged = self._merged(self._pending[first:])
            ends = self._panes.ends(pane_starts(merged))
            self._pending[first:], self._spans[first:] = [merged], [(int(ends.min()), int(ends.max()))]

    def _add(self, partial: Any) -> None:
        ends = self._panes.ends(pane_starts(partial))
        late = ends - 1 <= self._watermark
        if late.any():
            self._counters.late(int(records_of(partial)[late].sum()))
            partial, ends = partial.filter(~late), ends[~late]
        self._keep(self._grouping.without_records(partial), ends)
        if len(self._pending) > MOST_PENDING:
            self._settle(1)
        if len(self._pending) > 1 and sum(map(len, self._pending[1:])) > max(MIN_PENDING, len(self._pending[0])):
            self._settle()

    def _keep(self, partial: Any, ends: Any) -> None:
        if len(partial):
            self._pending.append(partial)
            self._spans.append((int(ends.min()), int(ends.max())))

    def _due(self) -> Iterator[Any]:
        return self._due_sliding() if self._panes.is_sliding else self._due_tumbling()

    def _is_over(self, end: int) -> bool:
        return end - 1 <= self._watermark

    def _due_tumbling(self) -> Iterator[Any]:
        over: list[Any] = []
        pending, spans = self._pending, self._spans
        self._pending, self._spans = [], []
        for partial, (first, last) in zip(pending, spans, strict=True):
            if self._is_over(last):
                over.append(partial)
            elif not self._is_over(first):
                self._pending.append(partial)
                self._spans.append((first, last))
            else:
                ends = self._panes.ends(pane_starts(partial))
                mask = ends - 1 <= self._watermark
                over.append(partial.filter(mask))
                self._keep(partial.filter(~mask), ends[~mask])
        if over:
            merged = self._merged(over)
            starts = pane_starts(merged)
            yield self._windows(merged, starts, self._panes.ends(starts))

    def _windows(self, merged: Any, starts: Any, ends: Any) -> Any:
        """In order of time."""
        import numpy as np
        import pyarrow as pa

        order = np.argsort(starts, kind="stable")
        kind = merged.schema.field(PANE).type
        merged = merged.take(order)
        columns = (pa.array(times[order], pa.int64()).cast(kind) for times in (starts, ends))
        return self._results(merged, *columns)

    def _due_sliding(self) -> Iterator[Any]:
        import numpy as np

        if not self._spans or not self._has_due():
            self._emitted = self._watermark
            return
        self._settle()
        merged = self._pending[0]
        starts = pane_starts(merged)
        order = np.argsort(starts, kind="stable")
        merged, starts = merged.take(order), starts[order]
        yield from self._slide(merged, starts)
        ends = self._panes.ends(starts)
        kept = ends - 1 > self._watermark
        self._pending, self._spans = [], []
        self._keep(merged.filter(kept), ends[kept])
        self._emitted = self._watermark

    def _has_due(self) -> bool:
        """Whether the first window of any pane could be over, that has not been emitted."""
        panes = self._panes
        self._next = self._following(self._emitted)
        first = min(int(pane_starts(partial).min()) for partial in self._pending)
        return self._is_over(panes.grid.start(self._first_window(first) + panes.per_window))

    def _first_window(self, pane: int) -> int:
        """The number of the first pane of the next window to be emitted, when ``pane`` (its start) is the earliest."""
        panes = self._panes
        cell = panes.grid.cell(pane)
        earliest = -(-(cell - panes.per_window + 1) // panes.per_slide) * panes.per_slide
        return earliest if self._next is None else max(earliest, self._next)

    def _slide(self, merged: Any, starts: Any) -> Iterator[Any]:
        import numpy as np

        panes = self._panes
        place = 0
        while place < len(starts):
            window = self._first_window(int(starts[place]))
            start, end = panes.grid.start(window), panes.grid.start(window + panes.per_window)
            if not self._is_over(end):
                return
            first, stop = (int(np.searchsorted(starts, time)) for time in (start, end))
            if stop > first:
                part = self._grouping.merged(self._keys, [merged.slice(first, stop - first)]) if self._keys else None
                part = part if part is not None else self._without_keys(merged.slice(first, stop - first))
                yield self._window(part, start, end, merged.schema.field(PANE).type)
            self._next = window + panes.per_slide
            place = int(np.searchsorted(starts, panes.grid.start(self._next)))

    def _without_keys(self, part: Any) -> Any:
        import numpy as np
        import pyarrow as pa

        part = part.set_column(part.schema.get_field_index(PANE), PANE, pa.array(np.zeros(len(part), np.int64)))
        return self._grouping.merged([PANE], [part])

    def _window(self, part: Any, start: int, end: int, kind: Any) -> Any:
        import numpy as np
        import pyarrow as pa

        times = (pa.array(np.full(len(part), time, np.int64)).cast(kind) for time in (start, end))
        return self._results(part, *times)
