"""Columns to rows and back: only where a user's function wants the other."""

from collections.abc import Iterable
from typing import Any

from sage_local.core.elements import Columns, Element, Rows
from sage_local.functions.expressions import column_index
from sage_local.functions.record_schemas import dictionaries, record_batch
from sage_local.functions.times import milliseconds
from sage_local.plan import columns as specs
from sage_local.runtime.metrics.table import OperatorCounters
from sage_local.runtime.operators.columns.base import ColumnOperator
from sage_local.runtime.protocol.blame import NO_RECORD, OperatorFailed

ROWS = 4096
"""Dictionaries made at a time: a batch of columns may be a hundred thousand records, and dictionaries are large."""


class ColumnsToRows(ColumnOperator):
    """Each record as a dictionary, with its event time where a column tells it."""

    def __init__(self, spec: specs.ColumnsToRows, counters: OperatorCounters) -> None:
        super().__init__(spec, counters)
        self._time_column = spec.time_column
        self._offset_ms = spec.time_offset_ms

    def process(self, rows: Rows) -> Iterable[Element]:
        """Batches of rows, each made when it is asked for."""
        batch: Any = rows.values
        self._counters.took(len(batch))
        for start in range(0, len(batch), ROWS):
            part = batch.slice(start, ROWS)
            with self.blamed():
                stamps = self._stamps(part)
                records = dictionaries(part)
            self._counters.gave(len(part))
            yield Rows(records, None, stamps)

    def _stamps(self, part: Any) -> list[int] | None:
        if self._time_column is None:
            return None
        times = milliseconds(part.column(column_index(part.schema, self._time_column)), self._time_column)
        stamps: list[int] = (times + self._offset_ms).tolist()
        return stamps


class RowsToColumns(ColumnOperator):
    """Each batch of rows as a batch of columns."""

    def __init__(self, spec: specs.RowsToColumns, counters: OperatorCounters) -> None:
        super().__init__(spec, counters)
        self._schema = spec.schema
        self._is_declared = spec.schema is not None

    def process(self, rows: Rows) -> Iterable[Element]:
        """One batch."""
        self._counters.took(len(rows.values))
        try:
            batch = self._batch(rows.values)
        except (TypeError, ValueError) as error:
            raise OperatorFailed(self.name, self._culprit(rows.values), error) from error
        self._schema = batch.schema
        self._counters.gave(len(batch))
        return (Columns(batch),)

    def _batch(self, records: list[Any]) -> Any:
        return record_batch(records, self._schema, is_declared=self._is_declared)

    def _culprit(self, records: list[Any]) -> Any:
        """The first record that fails by itself; of types that do not go together nobody knows which is wrong."""
        for record in records:
            try:
                self._batch([record])
            except (TypeError, ValueError):
                return record
        return NO_RECORD
