"""Vectorised aggregates of each key and session."""

from collections.abc import Iterator, Sequence
from typing import Any

from sage_local.functions.grouping import joined, records_of
from sage_local.plan import columns as specs
from sage_local.runtime.metrics.table import OperatorCounters
from sage_local.runtime.operators.columns.session_parts import FIRST, LAST, merged_sessions, session_times
from sage_local.runtime.operators.columns.windows import WindowOperator
from sage_local.runtime.protocol.explanations import WaitingWindow

MIN_PENDING = 1 << 18


class ColumnSessions(WindowOperator):
    """Partials by session; they are joined where they touch, when a watermark may end any."""

    def __init__(self, spec: specs.WindowColumns, counters: OperatorCounters) -> None:
        super().__init__(spec, counters)
        assert spec.assigner.gap_ms is not None
        self._gap_ms: int = spec.assigner.gap_ms

    def _add(self, partial: Any) -> None:
        _, lasts = session_times(partial)
        late = lasts + self._gap_ms - 1 <= self._watermark
        if late.any():
            partial = self._without_late(partial, late)
        if len(partial):
            self._pending.append(self._grouping.without_records(partial))
        if len(self._pending) > 1 and sum(map(len, self._pending[1:])) > max(MIN_PENDING, len(self._pending[0])):
            self._settle()

    def _without_late(self, partial: Any, late: Any) -> Any:
        """Late ones are kept where they touch a session that is not over."""
        import pyarrow as pa

        parts = [*self._pending, partial.filter(~late)]
        kept = joined([part.select([*self._keys, FIRST, LAST]) for part in parts])
        firsts, lasts = session_times(kept)
        known: dict[Any, list[tuple[int, int]]] = {}
        keys = list(zip(*(kept.column(name).to_pylist() for name in self._keys), strict=True)) or [()] * len(kept)
        for key, first, last in zip(keys, firsts.tolist(), lasts.tolist(), strict=True):
            known.setdefault(key, []).append((first, last))
        mask = ~late
        for row in late.nonzero()[0].tolist():
            record = partial.slice(row, 1)
            key = tuple(record.column(name)[0].as_py() for name in self._keys)
            first, last = (int(times[0]) for times in session_times(record))
            mask[row] = any(
                first <= other_last + self._gap_ms and other_first <= last + self._gap_ms
                for other_first, other_last in known.get(key, ())
            )
        self._counters.late(int(records_of(partial)[~mask].sum()))
        return partial.filter(pa.array(mask))

    def waiting(self, keys: tuple[Any, ...] | None, most: int) -> list[WaitingWindow]:
        """See ``WindowOperator``."""
        if not self._pending:
            return []
        firsts, lasts = session_times(self._of_keys(self._merged(self._pending), keys))
        ends = lasts + self._gap_ms
        order = ends.argsort(kind="stable")[:most]
        spans = zip(firsts[order].tolist(), ends[order].tolist(), strict=True)
        return [WaitingWindow(first, end, end - 1, "watermark") for first, end in spans]

    def _merged(self, partials: Sequence[Any]) -> Any:
        return merged_sessions(joined(partials), self._keys, self._gap_ms, self._grouping)

    def _settle(self) -> None:
        """Make one partial of all."""
        if self._pending:
            self._pending = [self._merged(self._pending)]

    def _due(self) -> Iterator[Any]:
        import numpy as np
        import pyarrow as pa

        if not any((session_times(part)[1] + self._gap_ms - 1 <= self._watermark).any() for part in self._pending):
            return
        self._settle()
        partial = self._pending[0]
        firsts, lasts = session_times(partial)
        over = lasts + self._gap_ms - 1 <= self._watermark
        rest = partial.filter(pa.array(~over))
        self._pending = [rest] if len(rest) else []
        if not over.any():
            return
        partial, firsts, ends = partial.filter(pa.array(over)), firsts[over], lasts[over] + self._gap_ms
        order = np.argsort(firsts, kind="stable")
        kind = partial.schema.field(FIRST).type
        columns = (pa.array(times[order], pa.int64()).cast(kind) for times in (firsts, ends))
        yield self._results(partial.take(order), *columns)
