"""When windows fire: one file for each reason.

Holds the ``Trigger`` protocol and its implementations. Does not hold timers or state: a trigger has them through its
context, from the operator that runs it. May import ``sage_local.windowing.windows`` and ``duration``.
"""

from sage_local.windowing.triggers.continuous import ContinuousEventTimeTrigger, ContinuousProcessingTimeTrigger
from sage_local.windowing.triggers.counting import CountTrigger
from sage_local.windowing.triggers.purging import PurgingTrigger
from sage_local.windowing.triggers.timed import EventTimeTrigger, NeverTrigger, ProcessingTimeTrigger

__all__ = [
    "ContinuousEventTimeTrigger",
    "ContinuousProcessingTimeTrigger",
    "CountTrigger",
    "EventTimeTrigger",
    "NeverTrigger",
    "ProcessingTimeTrigger",
    "PurgingTrigger",
]
