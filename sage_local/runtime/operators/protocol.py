"""What an operator is to the task that drives it."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Protocol

from sage_local.config import MAX_PARALLELISM, Settings
from sage_local.core.clock import Clock, SystemClock
from sage_local.core.elements import Element, Rows
from sage_local.core.ids import TaskId
from sage_local.functions.shared import SharedObjects
from sage_local.runtime.state.snapshot import owned_key_groups


@dataclass(frozen=True, slots=True)
class TaskContext:
    """Where an operator runs."""

    job_name: str
    task: TaskId
    parallelism: int
    settings: Settings
    clock: Clock = field(default_factory=SystemClock)
    """Of processing time: timers and time to live."""
    shared: SharedObjects = field(default_factory=SharedObjects)
    """Of the process that the task runs in."""

    @property
    def key_groups(self) -> range:
        """Those whose keys come to this task."""
        return owned_key_groups(self.task.subtask, self.parallelism, self.settings[MAX_PARALLELISM])


class Operator(Protocol):
    """One step of a running chain, or several compiled into one. All calls come from one thread.

    The task calls ``open``, then ``process`` for each batch, then once ``end``; it goes through what ``process``
    returned before the next call, as slowly as there is room downstream. ``close`` comes last in every case, also when
    ``open`` raised. User code that raises comes out as ``OperatorFailed``.
    """

    @property
    def name(self) -> str:
        """What errors call it; of operators compiled into one, all their names."""

    @property
    def place(self) -> int:
        """Of its counters among ``counted_operators`` of the worker."""

    def open(self, context: TaskContext) -> None:
        """Open the user's functions."""

    def process(self, rows: Rows) -> Iterable[Element]:
        """What follows from ``rows``; the operator owns them now.

        Lazy: nothing needs to happen before it is gone through.
        """

    def end(self) -> Iterable[Element]:
        """What is still to be emitted, now that the input has ended."""

    def close(self) -> None:
        """Close the user's functions."""


def unguarded(operator: Operator) -> Any:
    """What is in the hands of ``Guarded``, where it is: few jobs load that, so it is told by its attribute."""
    return getattr(operator, "inner", operator)
