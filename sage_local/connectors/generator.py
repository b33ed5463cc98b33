"""A source over a generator function."""

import inspect
import time
from collections.abc import Callable, Iterable
from itertools import islice
from typing import TypeVar

from sage_local.errors import FunctionError, SourceError
from sage_local.functions.source import SourceContext, SourceFunction

T = TypeVar("T")

_LONGEST_WAIT_S = 0.05  # how long a stop may go unnoticed while the next record is not due


class GeneratorSource(SourceFunction[T]):
    """Emits what ``fn()`` yields, in order, from a thread of its own; ``fn`` may block and need not end.

    With checkpoints, a restart calls ``fn`` again and passes over what was taken before: it has to yield the same.
    ``rate`` limits it to so many records per second, evenly spaced; a source that fell behind (its job was busy, or
    ``fn`` was) catches up at most one second's records.
    """

    replayable = True

    def __init__(self, fn: Callable[[], Iterable[T]], *, rate: float | None = None) -> None:
        if not callable(fn):
            raise FunctionError(f"from_generator() takes a generator function, found {type(fn).__name__}")
        _refuse_arguments(fn)
        if rate is not None and not rate > 0:
            raise ValueError(f"rate: expected records per second above 0, found {rate!r}")
        self._fn = fn
        self._rate = rate
        self._position = 0

    def seek(self, position: int) -> None:
        """Pass over the first ``position`` records, as fast as ``fn`` yields them."""
        self._position = position

    def run(self, ctx: SourceContext[T]) -> None:
        """Calls ``fn`` once and emits until it ends or the job stops."""
        values = self._fn()
        if not isinstance(values, Iterable):
            name = getattr(self._fn, "__qualname__", repr(self._fn))
            raise SourceError(f"from_generator: expected {name}() to return an iterable, found {type(values).__name__}")
        pace = None if self._rate is None else Pace(self._rate, time.monotonic())
        for value in islice(values, self._position, None):
            if not (pace.wait(ctx) if pace else ctx.is_running):
                return
            ctx.collect(value)


def _refuse_arguments(fn: Callable[[], object]) -> None:
    try:
        signature = inspect.signature(fn)
    except (TypeError, ValueError):
        # Some callables written in C do not tell; then the first call shows.
        return
    try:
        signature.bind()
    except TypeError as error:
        name = getattr(fn, "__qualname__", type(fn).__name__)
        raise FunctionError(
            f"from_generator() calls its function without arguments, found {name}{signature}: {error}"
        ) from None


class Pace:
    """When the next record is due at a rate of ``rate`` per second from ``start_s`` on."""

    def __init__(self, rate: float, start_s: float) -> None:
        self._interval_s = 1 / rate
        self._due_s = start_s

    def wait(self, ctx: SourceContext[T]) -> bool:
        """Waits until a record is due; false when the job stops before."""
        while ctx.is_running:
            wait_s = self.advance(time.monotonic())
            if wait_s <= 0:
                return True
            time.sleep(min(wait_s, _LONGEST_WAIT_S))
        return False

    def advance(self, now_s: float) -> float:
        """The seconds until a record is due at ``now_s``; at 0 or below it is, and the next one becomes due."""
        wait_s = self._due_s - now_s
        if wait_s <= 0:
            self._due_s = max(self._due_s, now_s - 1) + self._interval_s
        return wait_s
