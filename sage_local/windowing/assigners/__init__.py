"""Which windows a record belongs to: one file for each way of telling.

Holds the ``WindowAssigner`` protocol and its implementations. Does not hold when windows fire
(``sage_local.windowing.triggers``). May import ``sage_local.windowing.windows``, ``duration`` and ``calendar``.
"""

from sage_local.windowing.assigners.everything import GlobalWindows
from sage_local.windowing.assigners.session import (
    EventTimeSessionWindows,
    ProcessingTimeSessionWindows,
    SessionWindows,
    merge_sessions,
)
from sage_local.windowing.assigners.sliding import (
    SlidingEventTimeWindows,
    SlidingProcessingTimeWindows,
    SlidingWindows,
)
from sage_local.windowing.assigners.tumbling import (
    TumblingEventTimeWindows,
    TumblingProcessingTimeWindows,
    TumblingWindows,
)

__all__ = [
    "EventTimeSessionWindows",
    "GlobalWindows",
    "ProcessingTimeSessionWindows",
    "SessionWindows",
    "SlidingEventTimeWindows",
    "SlidingProcessingTimeWindows",
    "SlidingWindows",
    "TumblingEventTimeWindows",
    "TumblingProcessingTimeWindows",
    "TumblingWindows",
    "merge_sessions",
]
