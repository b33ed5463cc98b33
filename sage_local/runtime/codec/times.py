"""The times of a batch, looked at all together."""

from typing import Any

from sage_local.core.elements import MAX_TIMESTAMP, MIN_TIMESTAMP
from sage_local.runtime.native import bounds


def span(times: list[int]) -> tuple[int, int]:
    """The earliest and the latest of ``times``, which are not empty."""
    # Results of windows at the end of time have timestamps beyond int64.
    return bounds(times) or (min(times), max(times))


def are_event_times(values: list[Any]) -> bool:
    """Whether all are plain ints in the range of event times. ``False`` says only that each needs a look."""
    found = bounds(values)
    return found is not None and found[0] > MIN_TIMESTAMP and found[1] < MAX_TIMESTAMP
