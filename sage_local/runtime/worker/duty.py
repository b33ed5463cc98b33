"""The duty cycle: every task gets its turn; whoever owns the cycle does the waiting in between."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial

from sage_local.core.elements import Barrier
from sage_local.runtime.metrics.table import WorkerCounter, WorkerCounters
from sage_local.runtime.protocol.blame import OperatorFailed
from sage_local.runtime.protocol.explanations import OriginTime, SubtaskWindows
from sage_local.runtime.protocol.messages import ExplainWindows
from sage_local.runtime.worker.task import Task, TaskState

OnFailed = Callable[[Task, BaseException], None]
OnFinished = Callable[[Task], None]


class DutyCycle:
    """Runs tasks of one thread.

    ``on_failed`` hears of each task that raised, already closed; ``on_finished`` of each that is done.
    """

    def __init__(
        self, tasks: Sequence[Task], counters: WorkerCounters, *, on_failed: OnFailed, on_finished: OnFinished
    ) -> None:
        self._all = tuple(tasks)
        self._tasks = list(tasks)
        self._counters = counters
        self._on_failed = on_failed
        self._on_finished = on_finished

    @property
    def is_done(self) -> bool:
        """No task is left."""
        return not self._tasks

    @property
    def is_stuck(self) -> bool:
        """Whether user code of tasks that were closed goes on in a thread of its own."""
        return any(task.is_stuck for task in self._all)

    def open(self) -> None:
        """Open every task, receivers before their senders.

        One that raises has failed; the others are opened all the same.
        """
        for task in reversed(self._tasks):
            self._guarded(task, task.open)

    def round(self) -> bool:
        """Give each task a step; returns whether any of them got on."""
        self._counters.add(WorkerCounter.ROUNDS)
        moved = False
        for task in tuple(self._tasks):
            moved = bool(self._guarded(task, task.step)) or moved
            if task.state is TaskState.FINISHED:
                self._tasks.remove(task)
                self._on_finished(task)
        return moved

    def next_timer_ns(self) -> int | None:
        """When a round is worth it without an event; ``None``: only after one."""
        times = [time for task in self._tasks if (time := task.next_timer_ns()) is not None]
        return min(times, default=None)

    def stop_sources(self, *, drain: bool) -> None:
        """Sources read no further; with ``drain`` as if their input had ended."""
        for task in tuple(self._tasks):
            self._guarded(task, partial(task.stop, drain=drain))

    def suspend_sources(self) -> None:
        """Sources read no further and send nothing but barriers."""
        for task in self._tasks:
            task.suspend()

    def trigger(self, barrier: Barrier) -> None:
        """Sources send ``barrier``."""
        for task in self._tasks:
            task.trigger(barrier)

    def complete(self, checkpoint: int) -> None:
        """Sinks commit what ``checkpoint`` holds."""
        for task in tuple(self._tasks):
            self._guarded(task, partial(task.complete, checkpoint))

    def abandon(self, completed: int) -> None:
        """The execution ends: sinks commit what is complete and abort the rest."""
        for task in tuple(self._tasks):
            self._guarded(task, partial(task.abandon, completed))

    def explain(self, question: ExplainWindows) -> tuple[tuple[SubtaskWindows, ...], tuple[OriginTime, ...]]:
        """What the tasks know of the windows of an operator, and of where event time comes from."""
        able = [task.explaining for task in self._tasks if task.explaining is not None]
        windows = tuple(found for each in able if (found := each.windows(question)) is not None)
        return windows, tuple(origin for each in able for origin in each.origins())

    def close(self) -> None:
        """Close every task that is left; what they were doing is dropped, and what closing raises is reported."""
        for task in tuple(self._tasks):
            self._guarded(task, task.close)
        self._tasks.clear()

    def _guarded(self, task: Task, act: Callable[[], bool | None]) -> bool | None:
        try:
            return act()
        except BaseException as error:
            self._counters.rest()
            self._drop(task)
            self._on_failed(task, error)
            return True

    def _drop(self, task: Task) -> None:
        self._tasks.remove(task)
        # The task has failed already; what a half-open function says to its close() is a consequence.
        with suppress(OperatorFailed):
            task.close()
