"""Event time that is a column."""

from collections.abc import Iterable
from typing import Any

from sage_local.core.elements import Element, Rows
from sage_local.functions.expressions import column_index
from sage_local.functions.times import latest, milliseconds
from sage_local.plan import columns as specs
from sage_local.runtime.metrics.table import OperatorCounters
from sage_local.runtime.operators.timestamps import AssignTimestamps
from sage_local.runtime.protocol.blame import NO_RECORD, blame


class AssignColumnTimestamps(AssignTimestamps):
    """Watermarks by the latest time of each batch; the batches stay as they are."""

    def __init__(self, spec: specs.AssignColumnTimestamps, counters: OperatorCounters) -> None:
        super().__init__(spec, counters)
        self._column: str = spec.strategy.assigner

    def process(self, rows: Rows) -> Iterable[Element]:
        """The batch; behind it the watermark, if it has moved."""
        batch: Any = rows.values
        if not len(batch):
            return
        yield from self._taken(len(batch))
        try:
            column = batch.column(column_index(batch.schema, self._column))
            last = latest(milliseconds(column, self._column), self._column)
        except BaseException as error:
            blame(self.name, NO_RECORD, error)
        self._counters.gave(len(batch))
        yield rows
        yield from self._follow(last)
