"""Which splits of a source each subtask reads."""

from collections.abc import Sequence
from typing import Any


def share(splits: Sequence[Any], subtask: int, parallelism: int) -> list[Any]:
    """The splits of ``subtask``, in the order of ``splits``. The shares of all subtasks hold every split exactly once.

    Splits that all have a ``size`` are given out largest first, each to the subtask with the least so far; others in
    turn.
    """
    if not all(hasattr(split, "size") for split in splits):
        return list(splits[subtask::parallelism])
    loads = [0] * parallelism
    owner = [0] * len(splits)
    for index in sorted(range(len(splits)), key=lambda index: -splits[index].size):
        owner[index] = loads.index(min(loads))
        # A split of size 0 counts as something, or all empty ones would go to one subtask.
        loads[owner[index]] += max(splits[index].size, 1)
    return [split for split, by in zip(splits, owner, strict=True) if by == subtask]
