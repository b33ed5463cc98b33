"""The classes users subclass, the built-in aggregates, and how a function is bound to the operator it was given to.

Does not hold: operators or streams. May import ``sage_local.core``, ``sage_local.windowing`` and ``sage_local.errors``.
"""

from sage_local.functions.binding import Role, bind, close_function, open_function
from sage_local.functions.context import FunctionContext
from sage_local.functions.element_wise import FilterFunction, FlatMapFunction, KeySelector, MapFunction
from sage_local.functions.folds import AggregateFunction, ReduceFunction
from sage_local.functions.function import BaseFunction, Function
from sage_local.functions.sink import SinkFunction
from sage_local.functions.source import SourceContext, SourceFunction, SplitReader

__all__ = [
    "AggregateFunction",
    "BaseFunction",
    "FilterFunction",
    "FlatMapFunction",
    "Function",
    "FunctionContext",
    "KeySelector",
    "MapFunction",
    "ReduceFunction",
    "Role",
    "SinkFunction",
    "SourceContext",
    "SourceFunction",
    "SplitReader",
    "bind",
    "close_function",
    "open_function",
]
