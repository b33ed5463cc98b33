"""The local combiner: what a batch adds to its keys, and windows, before the exchange."""

from collections.abc import Iterable
from typing import Any

from sage_local.functions.grouping import Grouping, key_column
from sage_local.plan import columns as specs
from sage_local.runtime.metrics.table import OperatorCounters
from sage_local.runtime.operators.columns.base import ColumnOperator
from sage_local.runtime.operators.columns.panes import PANE, Panes
from sage_local.runtime.operators.columns.session_parts import session_parts
from sage_local.windowing.assigners import SessionWindows

_ENOUGH = 0.7
"""Combining is kept up where it leaves less than this of the records; else most batches go as they are."""
_PROBE_EVERY = 16


class Combiner:
    """Makes partials of batches. Keeps nothing of them, so there is nothing to snapshot."""

    def __init__(self, spec: specs.ColumnAggregation) -> None:
        self._keys = spec.keys
        self._panes: Panes | None = None
        self._gap_ms: int | None = None
        self._time = ""
        self._steps: dict[str, int] = {}
        self._pays = True
        self._batches = 0
        # Windows count the records that come too late.
        self.grouping = Grouping(spec.aggregates, tells_records=isinstance(spec, specs.WindowColumns))
        if isinstance(spec, specs.WindowColumns):
            self._time = spec.time_column
            if isinstance(spec.assigner, SessionWindows):
                self._gap_ms = spec.assigner.gap_ms
            else:
                self._panes = Panes(spec.assigner)
                self._steps = self._panes.steps

    def partial(self, batch: Any) -> Any:
        """The partial of one batch."""
        groups = {name: key_column(batch, name) for name in self._keys}
        if self._gap_ms is not None:
            return session_parts(groups, batch, self._time, self._gap_ms, self.grouping)
        if self._panes is not None:
            groups[PANE] = self._panes.of(batch, self._time)
        self._batches += 1
        if not self._pays and self._batches % _PROBE_EVERY:
            return self.grouping.lifted(groups, batch)
        partial = self.grouping.combined(groups, batch, self._steps)
        self._pays = len(partial) < _ENOUGH * len(batch)
        return partial


class CombineColumns(ColumnOperator):
    """Sends partials in place of records."""

    def __init__(self, spec: specs.CombineColumns, counters: OperatorCounters) -> None:
        super().__init__(spec, counters)
        self._combiner = Combiner(spec.aggregation)

    def batches(self, batch: Any) -> Iterable[Any]:
        """One partial."""
        return (self._combiner.partial(batch),)
