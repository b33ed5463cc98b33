"""Which operator computes given windows."""

from sage_local.errors import InternalError
from sage_local.functions.multi import can_merge
from sage_local.plan import operators as specs
from sage_local.runtime.metrics.table import OperatorCounters
from sage_local.runtime.operators.windows.counts import CountWindows
from sage_local.runtime.operators.windows.general import GeneralWindows
from sage_local.runtime.operators.windows.operator import WindowOperator
from sage_local.runtime.operators.windows.panes import PaneWindows
from sage_local.runtime.operators.windows.sessions import SessionWindowsOperator
from sage_local.windowing.assigners import SessionWindows, SlidingWindows, TumblingWindows


def window_operator(spec: specs.Windowed, counters: OperatorCounters) -> WindowOperator:
    """The cheapest operator that gives the results ``spec`` asks for."""
    if isinstance(spec, specs.CountWindow):
        return CountWindows(spec, counters)
    if not isinstance(spec, specs.Window):
        raise InternalError(f"no operator for {spec!r}")
    if spec.fires_once and isinstance(spec.assigner, TumblingWindows):
        return PaneWindows(spec, counters)
    if spec.fires_once and isinstance(spec.assigner, SlidingWindows) and _merges(spec):
        return PaneWindows(spec, counters)
    if spec.fires_once and isinstance(spec.assigner, SessionWindows):
        return SessionWindowsOperator(spec, counters)
    return GeneralWindows(spec, counters)


def _merges(spec: specs.Window) -> bool:
    return spec.aggregate is None or can_merge(spec.aggregate)
