"""The native loops that fold records into accumulators by key, and what they can do.

What they do is exactly what the generated loops of windows do, without an interpreter in between. ``Steps`` is what
they are told: see ``_native.pyi``.
"""

from collections.abc import Callable
from enum import IntEnum
from typing import Any

from sage_local.runtime.native import (
    Accumulator,
    PaneStacks,
    fold,
    fold_sessions,
    look_at_sessions,
    merge,
    reduce,
    results,
)

__all__ = [
    "MOST_STEPS",
    "Accumulator",
    "Operation",
    "PaneStacks",
    "SessionQueue",
    "Step",
    "Steps",
    "fold",
    "fold_sessions",
    "look_at_sessions",
    "merge",
    "reduce",
    "results",
]


SessionQueue = tuple[dict[Any, int], dict[int, list[Any]], int, Callable[[Any, int], object]]
"""When to look at which key: see ``_native.pyi``."""


class Operation(IntEnum):
    """What a step makes of the selected value; the numbers are those of ``native/py_steps.h``."""

    SUM = 0
    MIN = 1
    MAX = 2
    COUNT = 3


MOST_STEPS = 16

Step = tuple[int, int, object]
Steps = list[Step] | tuple[Step]
"""A list: an ``Accumulator`` has a value for each step. A tuple of one: accumulators are the value."""
