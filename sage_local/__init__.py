"""Sage Kernel: a stream-processing engine for one big machine.

The public names are those in ``__all__``. Each is loaded when it is first used, so that importing the package costs
next to nothing and a worker process never loads the rooms that it does not work in.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    # The table below, for type checkers.
    from sage_local.api.columns import ColumnStream as ColumnStream
    from sage_local.api.connected import ConnectedStreams as ConnectedStreams
    from sage_local.api.datastream import DataStream as DataStream
    from sage_local.api.datastream import DataStreamSink as DataStreamSink
    from sage_local.api.environment import LocalEnvironment as LocalEnvironment
    from sage_local.api.keyed import KeyedStream as KeyedStream
    from sage_local.api.keyed_columns import KeyedColumnStream as KeyedColumnStream
    from sage_local.api.keyed_columns import WindowedColumnStream as WindowedColumnStream
    from sage_local.api.windowed import AllWindowedStream as AllWindowedStream
    from sage_local.api.windowed import WindowedStream as WindowedStream
    from sage_local.connectors.file_sink import FileSink as FileSink
    from sage_local.core.time_domain import TimeDomain as TimeDomain
    from sage_local.errors import CheckpointError as CheckpointError
    from sage_local.errors import ConfigError as ConfigError
    from sage_local.errors import CoordinatorLostError as CoordinatorLostError
    from sage_local.errors import FunctionError as FunctionError
    from sage_local.errors import InternalError as InternalError
    from sage_local.errors import InvalidKeyError as InvalidKeyError
    from sage_local.errors import JobCancelledError as JobCancelledError
    from sage_local.errors import JobError as JobError
    from sage_local.errors import NotBuiltError as NotBuiltError
    from sage_local.errors import OperatorError as OperatorError
    from sage_local.errors import PlanError as PlanError
    from sage_local.errors import SageError as SageError
    from sage_local.errors import SerializationError as SerializationError
    from sage_local.errors import SourceError as SourceError
    from sage_local.errors import SourceStoppedError as SourceStoppedError
    from sage_local.errors import StateError as StateError
    from sage_local.errors import TypeMismatchError as TypeMismatchError
    from sage_local.errors import WorkerLostError as WorkerLostError
    from sage_local.functions import AggregateFunction as AggregateFunction
    from sage_local.functions import AggregatingState as AggregatingState
    from sage_local.functions import AggregatingStateDescriptor as AggregatingStateDescriptor
    from sage_local.functions import BaseFunction as BaseFunction
    from sage_local.functions import BroadcastContext as BroadcastContext
    from sage_local.functions import BroadcastProcessFunction as BroadcastProcessFunction
    from sage_local.functions import BroadcastReadContext as BroadcastReadContext
    from sage_local.functions import BroadcastStateDescriptor as BroadcastStateDescriptor
    from sage_local.functions import CoFlatMapFunction as CoFlatMapFunction
    from sage_local.functions import CoMapFunction as CoMapFunction
    from sage_local.functions import CoProcessFunction as CoProcessFunction
    from sage_local.functions import FailedRecord as FailedRecord
    from sage_local.functions import FilterFunction as FilterFunction
    from sage_local.functions import FlatMapFunction as FlatMapFunction
    from sage_local.functions import FunctionContext as FunctionContext
    from sage_local.functions import KeyedProcessContext as KeyedProcessContext
    from sage_local.functions import KeyedProcessFunction as KeyedProcessFunction
    from sage_local.functions import KeySelector as KeySelector
    from sage_local.functions import ListState as ListState
    from sage_local.functions import ListStateDescriptor as ListStateDescriptor
    from sage_local.functions import MapFunction as MapFunction
    from sage_local.functions import MapState as MapState
    from sage_local.functions import MapStateDescriptor as MapStateDescriptor
    from sage_local.functions import OutputTag as OutputTag
    from sage_local.functions import ProcessContext as ProcessContext
    from sage_local.functions import ProcessFunction as ProcessFunction
    from sage_local.functions import ReadOnlyMapState as ReadOnlyMapState
    from sage_local.functions import ReduceFunction as ReduceFunction
    from sage_local.functions import ReducingState as ReducingState
    from sage_local.functions import ReducingStateDescriptor as ReducingStateDescriptor
    from sage_local.functions import SinkFunction as SinkFunction
    from sage_local.functions import SourceContext as SourceContext
    from sage_local.functions import SourceFunction as SourceFunction
    from sage_local.functions import SplitReader as SplitReader
    from sage_local.functions import StateTtlConfig as StateTtlConfig
    from sage_local.functions import TimerContext as TimerContext
    from sage_local.functions import TimerService as TimerService
    from sage_local.functions import TtlUpdate as TtlUpdate
    from sage_local.functions import TwoPhaseCommitSink as TwoPhaseCommitSink
    from sage_local.functions import ValueState as ValueState
    from sage_local.functions import ValueStateDescriptor as ValueStateDescriptor
    from sage_local.functions.aggregates import Count as Count
    from sage_local.functions.aggregates import Max as Max
    from sage_local.functions.aggregates import Mean as Mean
    from sage_local.functions.aggregates import Min as Min
    from sage_local.functions.aggregates import Sum as Sum
    from sage_local.functions.multi import Multi as Multi
    from sage_local.functions.window import ProcessWindowFunction as ProcessWindowFunction
    from sage_local.functions.window import WindowContext as WindowContext
    from sage_local.runtime.job import JobResult as JobResult
    from sage_local.runtime.job import OperatorResult as OperatorResult
    from sage_local.runtime.launcher import JobHandle as JobHandle
    from sage_local.windowing.assigner import WindowAssigner as WindowAssigner
    from sage_local.windowing.assigners import EventTimeSessionWindows as EventTimeSessionWindows
    from sage_local.windowing.assigners import GlobalWindows as GlobalWindows
    from sage_local.windowing.assigners import ProcessingTimeSessionWindows as ProcessingTimeSessionWindows
    from sage_local.windowing.assigners import SlidingEventTimeWindows as SlidingEventTimeWindows
    from sage_local.windowing.assigners import SlidingProcessingTimeWindows as SlidingProcessingTimeWindows
    from sage_local.windowing.assigners import TumblingEventTimeWindows as TumblingEventTimeWindows
    from sage_local.windowing.assigners import TumblingProcessingTimeWindows as TumblingProcessingTimeWindows
    from sage_local.windowing.trigger import MergeContext as MergeContext
    from sage_local.windowing.trigger import Trigger as Trigger
    from sage_local.windowing.trigger import TriggerContext as TriggerContext
    from sage_local.windowing.trigger import TriggerResult as TriggerResult
    from sage_local.windowing.triggers import ContinuousEventTimeTrigger as ContinuousEventTimeTrigger
    from sage_local.windowing.triggers import ContinuousProcessingTimeTrigger as ContinuousProcessingTimeTrigger
    from sage_local.windowing.triggers import CountTrigger as CountTrigger
    from sage_local.windowing.triggers import EventTimeTrigger as EventTimeTrigger
    from sage_local.windowing.triggers import ProcessingTimeTrigger as ProcessingTimeTrigger
    from sage_local.windowing.triggers import PurgingTrigger as PurgingTrigger
    from sage_local.windowing.watermarks import TimestampAssigner as TimestampAssigner
    from sage_local.windowing.watermarks import WatermarkGenerator as WatermarkGenerator
    from sage_local.windowing.watermarks import WatermarkOutput as WatermarkOutput
    from sage_local.windowing.watermarks import WatermarkStrategy as WatermarkStrategy
    from sage_local.windowing.windows import GlobalWindow as GlobalWindow
    from sage_local.windowing.windows import TimeWindow as TimeWindow
    from sage_local.windowing.windows import Window as Window

_HOMES = {
    "AggregateFunction": "sage_local.functions",
    "AggregatingState": "sage_local.functions",
    "AggregatingStateDescriptor": "sage_local.functions",
    "AllWindowedStream": "sage_local.api.windowed",
    "BaseFunction": "sage_local.functions",
    "BroadcastContext": "sage_local.functions",
    "BroadcastProcessFunction": "sage_local.functions",
    "BroadcastReadContext": "sage_local.functions",
    "BroadcastStateDescriptor": "sage_local.functions",
    "CheckpointError": "sage_local.errors",
    "CoFlatMapFunction": "sage_local.functions",
    "CoMapFunction": "sage_local.functions",
    "CoProcessFunction": "sage_local.functions",
    "ColumnStream": "sage_local.api.columns",
    "ConfigError": "sage_local.errors",
    "ConnectedStreams": "sage_local.api.connected",
    "ContinuousEventTimeTrigger": "sage_local.windowing.triggers",
    "ContinuousProcessingTimeTrigger": "sage_local.windowing.triggers",
    "CoordinatorLostError": "sage_local.errors",
    "Count": "sage_local.functions.aggregates",
    "CountTrigger": "sage_local.windowing.triggers",
    "DataStream": "sage_local.api.datastream",
    "DataStreamSink": "sage_local.api.datastream",
    "EventTimeSessionWindows": "sage_local.windowing.assigners",
    "EventTimeTrigger": "sage_local.windowing.triggers",
    "FailedRecord": "sage_local.functions",
    "FileSink": "sage_local.connectors.file_sink",
    "FilterFunction": "sage_local.functions",
    "FlatMapFunction": "sage_local.functions",
    "FunctionContext": "sage_local.functions",
    "FunctionError": "sage_local.errors",
    "GlobalWindow": "sage_local.windowing.windows",
    "GlobalWindows": "sage_local.windowing.assigners",
    "InternalError": "sage_local.errors",
    "InvalidKeyError": "sage_local.errors",
    "JobCancelledError": "sage_local.errors",
    "JobError": "sage_local.errors",
    "JobHandle": "sage_local.runtime.launcher",
    "JobResult": "sage_local.runtime.job",
    "KeySelector": "sage_local.functions",
    "KeyedColumnStream": "sage_local.api.keyed_columns",
    "KeyedProcessContext": "sage_local.functions",
    "KeyedProcessFunction": "sage_local.functions",
    "KeyedStream": "sage_local.api.keyed",
    "ListState": "sage_local.functions",
    "ListStateDescriptor": "sage_local.functions",
    "LocalEnvironment": "sage_local.api.environment",
    "MapFunction": "sage_local.functions",
    "MapState": "sage_local.functions",
    "MapStateDescriptor": "sage_local.functions",
    "Max": "sage_local.functions.aggregates",
    "Mean": "sage_local.functions.aggregates",
    "MergeContext": "sage_local.windowing.trigger",
    "Min": "sage_local.functions.aggregates",
    "Multi": "sage_local.functions.multi",
    "NotBuiltError": "sage_local.errors",
    "OperatorError": "sage_local.errors",
    "OperatorResult": "sage_local.runtime.job",
    "OutputTag": "sage_local.functions",
    "PlanError": "sage_local.errors",
    "ProcessContext": "sage_local.functions",
    "ProcessFunction": "sage_local.functions",
    "ProcessWindowFunction": "sage_local.functions.window",
    "ProcessingTimeSessionWindows": "sage_local.windowing.assigners",
    "ProcessingTimeTrigger": "sage_local.windowing.triggers",
    "PurgingTrigger": "sage_local.windowing.triggers",
    "ReadOnlyMapState": "sage_local.functions",
    "ReduceFunction": "sage_local.functions",
    "ReducingState": "sage_local.functions",
    "ReducingStateDescriptor": "sage_local.functions",
    "SageError": "sage_local.errors",
    "SerializationError": "sage_local.errors",
    "SinkFunction": "sage_local.functions",
    "SlidingEventTimeWindows": "sage_local.windowing.assigners",
    "SlidingProcessingTimeWindows": "sage_local.windowing.assigners",
    "SourceContext": "sage_local.functions",
    "SourceError": "sage_local.errors",
    "SourceFunction": "sage_local.functions",
    "SourceStoppedError": "sage_local.errors",
    "SplitReader": "sage_local.functions",
    "StateError": "sage_local.errors",
    "StateTtlConfig": "sage_local.functions",
    "Sum": "sage_local.functions.aggregates",
    "TimeDomain": "sage_local.core.time_domain",
    "TimeWindow": "sage_local.windowing.windows",
    "TimerContext": "sage_local.functions",
    "TimerService": "sage_local.functions",
    "TimestampAssigner": "sage_local.windowing.watermarks",
    "Trigger": "sage_local.windowing.trigger",
    "TriggerContext": "sage_local.windowing.trigger",
    "TriggerResult": "sage_local.windowing.trigger",
    "TtlUpdate": "sage_local.functions",
    "TumblingEventTimeWindows": "sage_local.windowing.assigners",
    "TumblingProcessingTimeWindows": "sage_local.windowing.assigners",
    "TwoPhaseCommitSink": "sage_local.functions",
    "TypeMismatchError": "sage_local.errors",
    "ValueState": "sage_local.functions",
    "ValueStateDescriptor": "sage_local.functions",
    "WatermarkGenerator": "sage_local.windowing.watermarks",
    "WatermarkOutput": "sage_local.windowing.watermarks",
    "WatermarkStrategy": "sage_local.windowing.watermarks",
    "Window": "sage_local.windowing.windows",
    "WindowAssigner": "sage_local.windowing.assigner",
    "WindowContext": "sage_local.functions.window",
    "WindowedColumnStream": "sage_local.api.keyed_columns",
    "WindowedStream": "sage_local.api.windowed",
    "WorkerLostError": "sage_local.errors",
}
"""Every public name and the module that it is loaded from."""

__all__ = list(_HOMES)  # pyright: ignore[reportUnsupportedDunderAll]  # one list, not two


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        return version("sage-kernel")
    if name not in _HOMES:
        raise AttributeError(f"module 'sage_local' has no attribute {name!r}")
    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES, "__version__"})
