"""Fault points: places in a program where a test lets something go wrong."""

import os
import signal
from collections.abc import Callable
from typing import Any, Generic, TypeVar

from sage_local.testing.scratch import ScratchFile

T = TypeVar("T")
R = TypeVar("R")

Effect = BaseException | signal.Signals
"""What happens: an exception is raised, or a signal sent to the process."""


class InjectedFault(Exception):
    """What a ``FaultPoint`` raises where it was given nothing else."""


class FaultPoint:
    """Goes wrong at hit number ``at``, and ``times - 1`` more times after it; all other hits do nothing.

    Hits are counted over all subtasks and processes, and a restart of the job goes on counting: so by default a job
    fails once, and a restarted one gets through. ``effect`` is an exception to raise or a signal for the process that
    the hit is in: ``FaultPoint(signal.SIGKILL, at=100)`` ends a worker without a word.

    Place it by calling ``hit()``, by wrapping a function with ``around``, or as a step of a ``ScriptedSource``.
    """

    def __init__(self, effect: Effect | None = None, *, at: int = 1, times: int = 1) -> None:
        if at < 1 or times < 1:
            raise ValueError(f"at and times count from 1, found at={at} and times={times}")
        if isinstance(effect, type) or not isinstance(effect, BaseException | signal.Signals | None):
            raise TypeError(f"effect: expected an exception (an instance) or a signal, found {effect!r}")
        self._effect: Effect = InjectedFault(f"injected at hit {at}") if effect is None else effect
        self._at = at
        self._times = times
        self._file = ScratchFile()
        self._test_process = os.getpid()

    @property
    def hits(self) -> int:
        """How often it was hit so far, anywhere."""
        return self._file.size()

    @property
    def faults(self) -> int:
        """How often it went wrong so far."""
        return max(0, min(self.hits - self._at + 1, self._times))

    def hit(self) -> None:
        """Count one hit, and go wrong if it is one of those.

        Raises ``RuntimeError`` instead of sending a signal to the test's own process (the inline engine, a harness).
        """
        number = self._file.append(b".")
        if not self._at <= number < self._at + self._times:
            return
        if isinstance(self._effect, BaseException):
            raise self._effect
        if os.getpid() == self._test_process:
            raise RuntimeError(f"{self._effect.name} would end the test itself: run the job in processes")
        os.kill(os.getpid(), self._effect)

    def around(self, function: Callable[[T], R]) -> Callable[[T], R]:
        """``function``, with a hit before each call. A function class calls ``hit()`` itself."""
        if not callable(function):
            raise TypeError(f"around() takes a function, found {function!r}: a function class calls hit() itself")
        return _Around(self, function)


class _Around(Generic[T, R]):
    def __init__(self, fault: FaultPoint, function: Callable[[T], R]) -> None:
        self._fault = fault
        self._function = function
        self.__name__: str = getattr(function, "__name__", type(function).__name__)

    def __call__(self, value: T) -> Any:
        self._fault.hit()
        return self._function(value)
