"""The operators of column streams, as data. Expressions, types and schemas are pyarrow's, which nobody loads here."""

from typing import Any

from sage_local.core.data import keyword_data
from sage_local.functions.columns import NamedAggregate
from sage_local.plan.operators import AssignTimestamps, Operator


@keyword_data
class ColumnOperator(Operator):
    """One that takes columns, gives columns, or both."""

    is_columnar = True
    gives_columns = True


@keyword_data
class FilterColumns(ColumnOperator):
    """Keeps the records for which ``expression`` is true."""

    expression: Any


@keyword_data
class SelectColumns(ColumnOperator):
    """The columns of the result, in order: each the expression given for its name, or for ``None`` the column itself.

    ``keeps_others``: those of the input come first, as they are unless there is another of the name.
    """

    columns: tuple[tuple[str, Any], ...]
    keeps_others: bool = False


@keyword_data
class MapBatches(ColumnOperator):
    """Calls ``function`` with batches of up to ``batch_size`` records; ``schema`` is what it promised to return."""

    function: Any
    batch_size: int | None = None
    schema: Any = None


@keyword_data
class ColumnsToRows(ColumnOperator):
    """Records become dictionaries, their event time that of ``time_column`` and ``time_offset_ms``."""

    gives_columns = False
    time_column: str | None = None
    time_offset_ms: int = 0


@keyword_data
class RowsToColumns(ColumnOperator):
    """Records become columns of ``schema``; without, of what the first ones are seen to have."""

    schema: Any = None


@keyword_data
class AssignColumnTimestamps(AssignTimestamps, ColumnOperator):
    """As ``AssignTimestamps``: event time is in the column that the strategy names."""


@keyword_data
class ColumnAggregation(ColumnOperator):
    """What all vectorised aggregates share.

    ``is_combined``: what comes in was combined before the exchange.
    """

    keys: tuple[str, ...]
    aggregates: tuple[NamedAggregate, ...]
    is_combined: bool = False


@keyword_data
class AggregateColumns(ColumnAggregation):
    """Aggregates of each key. Streaming: after each batch those of the keys in it; batch: all, at the end."""


@keyword_data
class WindowColumns(ColumnAggregation):
    """Aggregates of each key and window of event time."""

    assigner: Any
    time_column: str


@keyword_data
class CombineColumns(ColumnOperator):
    """The local combiner of ``aggregation``: what each batch adds to it, sent on in place of the records."""

    aggregation: ColumnAggregation
