"""Filters and projections by Arrow expressions."""

from collections.abc import Iterable
from typing import Any

from sage_local.functions.expressions import column_index, filtered, selected
from sage_local.plan import columns as specs
from sage_local.runtime.metrics.table import OperatorCounters
from sage_local.runtime.operators.columns.base import ColumnOperator


class FilterColumns(ColumnOperator):
    """Keeps the records for which an expression is true."""

    def __init__(self, spec: specs.FilterColumns, counters: OperatorCounters) -> None:
        super().__init__(spec, counters)
        self._expression = spec.expression

    def batches(self, batch: Any) -> Iterable[Any]:
        """The records that pass."""
        return (filtered(batch, self._expression),)


class SelectColumns(ColumnOperator):
    """Columns of the input, and columns computed from them."""

    def __init__(self, spec: specs.SelectColumns, counters: OperatorCounters) -> None:
        super().__init__(spec, counters)
        self._columns = spec.columns
        self._keeps_others = spec.keeps_others

    def batches(self, batch: Any) -> Iterable[Any]:
        """The same records."""
        for name, expression in self._columns:
            if expression is None:
                column_index(batch.schema, name)
        return (selected(batch, self._columns, keeps_others=self._keeps_others),)
