"""The same objects as in ``sage_local``."""

from sage_local import (
    AggregateFunction,
    BaseFunction,
    FilterFunction,
    FlatMapFunction,
    FunctionContext,
    KeySelector,
    MapFunction,
    ReduceFunction,
    SinkFunction,
    SourceFunction,
)

__all__ = [
    "AggregateFunction",
    "BaseFunction",
    "FilterFunction",
    "FlatMapFunction",
    "FunctionContext",
    "KeySelector",
    "MapFunction",
    "ReduceFunction",
    "SinkFunction",
    "SourceFunction",
]
