"""A worker is pinned to its core; threads that a library starts for it need not be."""

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

_before: set[int] | None = None
"""Where this process might run until it was pinned; ``None``: it was not."""


def pin(cpus: Iterable[int]) -> None:
    """Let this process run on ``cpus`` only."""
    global _before  # it is of the process, as its affinity is
    _before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cpus)


@contextmanager
def unpinned() -> Iterator[None]:
    """Threads that begin inside may run wherever the process might until it was pinned.

    A thread inherits the affinity of the one that starts it. pyarrow's threads read ahead: on the worker's own core
    they would only take turns with it.
    """
    if _before is None:
        yield
        return
    pinned = os.sched_getaffinity(0)
    os.sched_setaffinity(0, _before)
    try:
        yield
    finally:
        os.sched_setaffinity(0, pinned)
