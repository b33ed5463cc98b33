"""The classes users subclass, the built-in aggregates, and how a function is bound to the operator it was given to.

Does not hold: operators or streams. May import ``sage_local.core``, ``sage_local.windowing`` and ``sage_local.errors``.
"""

from sage_local.functions.binding import Role, bind, close_function, open_function
from sage_local.functions.co import BroadcastProcessFunction, CoFlatMapFunction, CoMapFunction, CoProcessFunction
from sage_local.functions.context import FunctionContext
from sage_local.functions.element_wise import FilterFunction, FlatMapFunction, KeySelector, MapFunction
from sage_local.functions.folding_state import AggregatingStateDescriptor, ReducingStateDescriptor
from sage_local.functions.folds import AggregateFunction, ReduceFunction
from sage_local.functions.function import BaseFunction, Function
from sage_local.functions.output_tag import FailedRecord, OutputTag
from sage_local.functions.process import (
    BroadcastContext,
    BroadcastReadContext,
    KeyedProcessContext,
    KeyedProcessFunction,
    ProcessContext,
    ProcessFunction,
    TimerContext,
)
from sage_local.functions.sink import SinkFunction, TwoPhaseCommitSink
from sage_local.functions.source import SourceContext, SourceFunction, SplitReader
from sage_local.functions.state import (
    AggregatingState,
    BroadcastStateDescriptor,
    ListState,
    ListStateDescriptor,
    MapState,
    MapStateDescriptor,
    ReadOnlyMapState,
    ReducingState,
    ValueState,
    ValueStateDescriptor,
)
from sage_local.functions.timers import TimerService
from sage_local.functions.ttl import StateTtlConfig, TtlUpdate

__all__ = [
    "AggregateFunction",
    "AggregatingState",
    "AggregatingStateDescriptor",
    "BaseFunction",
    "BroadcastContext",
    "BroadcastProcessFunction",
    "BroadcastReadContext",
    "BroadcastStateDescriptor",
    "CoFlatMapFunction",
    "CoMapFunction",
    "CoProcessFunction",
    "FailedRecord",
    "FilterFunction",
    "FlatMapFunction",
    "Function",
    "FunctionContext",
    "KeySelector",
    "KeyedProcessContext",
    "KeyedProcessFunction",
    "ListState",
    "ListStateDescriptor",
    "MapFunction",
    "MapState",
    "MapStateDescriptor",
    "OutputTag",
    "ProcessContext",
    "ProcessFunction",
    "ReadOnlyMapState",
    "ReduceFunction",
    "ReducingState",
    "ReducingStateDescriptor",
    "Role",
    "SinkFunction",
    "SourceContext",
    "SourceFunction",
    "SplitReader",
    "StateTtlConfig",
    "TimerContext",
    "TimerService",
    "TtlUpdate",
    "TwoPhaseCommitSink",
    "ValueState",
    "ValueStateDescriptor",
    "bind",
    "close_function",
    "open_function",
]
