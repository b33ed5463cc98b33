"""Waiting in tests for what other processes do: never for a time, and for a hang only so long."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

PATIENCE_S = 60.0
"""For what should take no time: only a hang is that slow, even on a busy machine."""
_LOOK_S = 0.01


def eventually(condition: Callable[[], T], what: str) -> T:
    """What ``condition`` returns as soon as that is true; ``AssertionError`` where ``what`` never happens."""
    deadline_s = time.monotonic() + PATIENCE_S
    while not (found := condition()):
        assert time.monotonic() < deadline_s, f"{what} did not happen"
        time.sleep(_LOOK_S)
    return found
