"""From the operators of a plan to those that run."""

from collections.abc import Sequence

from sage_local.config import RUNTIME_MODE, Settings
from sage_local.functions import TwoPhaseCommitSink
from sage_local.plan import operators as specs
from sage_local.plan.keys import may_use_state, opens
from sage_local.runtime.metrics.table import OperatorCounters
from sage_local.runtime.operators.aggregate import Aggregate, MergeAggregate, PartialAggregate
from sage_local.runtime.operators.compiler import Kind
from sage_local.runtime.operators.protocol import Operator
from sage_local.runtime.operators.reduce import Reduce
from sage_local.runtime.operators.sinks import Collect, Print, Sink, TransactionalSink
from sage_local.runtime.operators.stateless import Step, stages


def build(chain: Sequence[tuple[specs.Operator, OperatorCounters]], settings: Settings) -> list[Operator]:
    """The running operators of a chain, in order; neighbours without state become one.

    A source is no operator: it is the input.
    """
    built: list[Operator] = []
    steps: list[Step] = []
    for spec, counters in chain:
        if spec.assigns_keys:
            built += [*stages(steps), _key_assigner(spec, counters)]
            steps = []
        if isinstance(spec, specs.Map | specs.Filter | specs.FlatMap | specs.Sink) and _is_compiled(spec):
            steps.append(Step.of(_kind(spec), spec.name, spec.function, counters, keeps_keys=spec.keeps_keys))
            continue
        built += [*stages(steps), _guarded(spec, counters, settings)]
        steps = []
    return [*built, *stages(steps)]


def _key_assigner(spec: specs.Operator, counters: OperatorCounters) -> Operator:
    from sage_local.runtime.operators.key_assigner import KeyAssigner

    return KeyAssigner(spec.name, spec.key_selector, counters)


def _is_record_wise(spec: specs.Operator) -> bool:
    """Whether an element-wise operator may do more with a record than call its function."""
    if isinstance(spec, specs.Sink):
        # One that takes batches keeps its books itself; any other one with an open() may have operator state.
        return not _takes_batches(spec) and (spec.on_error != "fail" or opens(spec))
    return spec.on_error != "fail" or may_use_state(spec)


def _guarded(spec: specs.Operator, counters: OperatorCounters, settings: Settings) -> Operator:
    # Below and in the next functions modules are imported where they are used: jobs without them start faster.
    if isinstance(spec, specs.Map | specs.Filter | specs.FlatMap | specs.Sink) and _is_record_wise(spec):
        from sage_local.runtime.operators.record_wise import RecordWise

        return RecordWise(spec, counters)
    operator = _columnar(spec, counters, settings) if spec.is_columnar else _stateful(spec, counters, settings)
    if spec.on_error == "fail" or isinstance(spec, specs.AssignTimestamps):
        return operator  # the latter leaves out records itself: what is told of splits would not reach it
    from sage_local.runtime.operators.guarded import Guarded

    return Guarded(operator, spec.on_error, counters)


def _is_compiled(spec: specs.Map | specs.Filter | specs.FlatMap | specs.Sink) -> bool:
    return not (_is_record_wise(spec) or (isinstance(spec, specs.Sink) and _takes_batches(spec)))


def _takes_batches(spec: specs.Sink) -> bool:
    return isinstance(spec.function, TwoPhaseCommitSink) or hasattr(spec.function, "write_batch")


def _kind(spec: specs.Map | specs.Filter | specs.FlatMap | specs.Sink) -> Kind:
    match spec:
        case specs.Map():
            return Kind.MAP
        case specs.Filter():
            return Kind.FILTER
        case specs.FlatMap():
            return Kind.FLAT_MAP
        case specs.Sink():
            return Kind.SINK


def _stateful(spec: specs.Operator, counters: OperatorCounters, settings: Settings) -> Operator:
    mode = settings[RUNTIME_MODE]
    match spec:
        case specs.Reduce():
            return Reduce(spec, mode, counters)
        case specs.Aggregate():
            return Aggregate(spec, mode, counters)
        case specs.PartialAggregate():
            return PartialAggregate(spec, mode, counters)
        case specs.MergeAggregate():
            return MergeAggregate(spec, mode, counters)
        case specs.AssignTimestamps() | specs.Windowed() | specs.PartialWindow():
            return _timed(spec, counters)
        case specs.Process() | specs.Connected():
            return _with_context(spec, counters)
        case specs.Sink():
            return (TransactionalSink if isinstance(spec.function, TwoPhaseCommitSink) else Sink)(spec, counters)
        case specs.Print():
            return Print(spec, counters)
        case specs.Collect():
            return Collect(spec, counters)
    raise TypeError(f"no implementation of operator {spec.name!r} ({type(spec).__name__})")


def _columnar(spec: specs.Operator, counters: OperatorCounters, settings: Settings) -> Operator:
    from sage_local.runtime.operators.columns.build import column_operator

    return column_operator(spec, counters, settings)


def _timed(spec: specs.AssignTimestamps | specs.Windowed | specs.PartialWindow, counters: OperatorCounters) -> Operator:
    # Imported here: a job without event time and windows should not pay for them at every worker's start.
    from sage_local.runtime.operators.timestamps import AssignTimestamps
    from sage_local.runtime.operators.windows.build import window_operator
    from sage_local.runtime.operators.windows.combine import CombineWindows

    match spec:
        case specs.AssignTimestamps():
            return AssignTimestamps(spec, counters)
        case specs.PartialWindow():
            return CombineWindows(spec, counters)
        case specs.Windowed():
            return window_operator(spec, counters)


def _with_context(spec: specs.Process | specs.Connected, counters: OperatorCounters) -> Operator:
    # Imported here for the same reason.
    from sage_local.runtime.operators.connected import Connected
    from sage_local.runtime.operators.process import Process

    return Process(spec, counters) if isinstance(spec, specs.Process) else Connected(spec, counters)
