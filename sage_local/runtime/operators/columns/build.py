"""Which operator computes a step of a column stream."""

from sage_local.config import RUNTIME_MODE, Settings
from sage_local.errors import InternalError
from sage_local.plan import columns as specs
from sage_local.plan.operators import Operator as Spec
from sage_local.runtime.metrics.table import OperatorCounters
from sage_local.runtime.operators.columns.aggregate import AggregateColumns
from sage_local.runtime.operators.columns.combine import CombineColumns
from sage_local.runtime.operators.columns.conversion import ColumnsToRows, RowsToColumns
from sage_local.runtime.operators.columns.map_batches import MapBatches
from sage_local.runtime.operators.columns.relational import FilterColumns, SelectColumns
from sage_local.runtime.operators.columns.sessions import ColumnSessions
from sage_local.runtime.operators.columns.timestamps import AssignColumnTimestamps
from sage_local.runtime.operators.columns.windows import ColumnWindows
from sage_local.runtime.operators.protocol import Operator
from sage_local.windowing.assigners import SessionWindows


def column_operator(spec: Spec, counters: OperatorCounters, settings: Settings) -> Operator:
    """The running operator of ``spec``."""
    match spec:
        case specs.FilterColumns():
            return FilterColumns(spec, counters)
        case specs.SelectColumns():
            return SelectColumns(spec, counters)
        case specs.MapBatches():
            return MapBatches(spec, counters)
        case specs.ColumnsToRows():
            return ColumnsToRows(spec, counters)
        case specs.RowsToColumns():
            return RowsToColumns(spec, counters)
        case specs.AssignColumnTimestamps():
            return AssignColumnTimestamps(spec, counters)
        case specs.CombineColumns():
            return CombineColumns(spec, counters)
        case specs.AggregateColumns():
            return AggregateColumns(spec, settings[RUNTIME_MODE], counters)
        case specs.WindowColumns() if isinstance(spec.assigner, SessionWindows):
            return ColumnSessions(spec, counters)
        case specs.WindowColumns():
            return ColumnWindows(spec, counters)
    raise InternalError(f"no implementation of operator {spec.name!r} ({type(spec).__name__})")
