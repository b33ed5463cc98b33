"""The inline engine: every task in the calling process and thread, only local channels; for debuggers and tests."""

import pickle
import threading
from array import array
from collections.abc import Callable
from time import monotonic, monotonic_ns
from typing import Any

from sage_local.config import BUFFER_TIMEOUT_MS, FRAME_ROWS
from sage_local.core.elements import Columns, Element, Rows
from sage_local.core.ids import ChannelId, WorkerId
from sage_local.errors import OperatorError
from sage_local.functions.shared import SharedObjects
from sage_local.plan.physical import Plan
from sage_local.runtime.channels.local import LocalChannel
from sage_local.runtime.channels.outbox import Output
from sage_local.runtime.job import Deployment, JobResult
from sage_local.runtime.metrics.meter import Meter
from sage_local.runtime.metrics.table import WorkerCounters, counter_count
from sage_local.runtime.protocol.blame import OperatorFailed
from sage_local.runtime.protocol.progress import Progress
from sage_local.runtime.worker.duty import DutyCycle
from sage_local.runtime.worker.failures import operator_error
from sage_local.runtime.worker.outlets import Warn
from sage_local.runtime.worker.task import Task
from sage_local.runtime.worker.wiring import Surroundings, tasks_of

OnCollected = Callable[[str, list[Any]], None]
OnProgress = Callable[[Progress], None]

TELL_NS = 250_000_000
"""Four looks a second: a progress line moves, and nobody reads faster."""


def run_inline(
    plan: Plan,
    *,
    pickled: bytes,
    on_collected: OnCollected,
    on_warning: Warn,
    on_progress: OnProgress | None = None,
    job_id: str = "inline",
) -> JobResult:
    """Run ``plan`` to its end. ``pickled`` is its ``Deployment``, from which every worker has functions of its own.

    ``on_collected(operator, records)`` is called as they come, in order; ``on_warning`` with what the user should know;
    ``on_progress`` a few times a second, while no user code runs. Raises ``OperatorError`` from the exception that user
    code raised. A ``KeyboardInterrupt`` passes through; every function is closed first.
    """
    return _Inline(plan, pickled, on_collected, on_warning, on_progress).run(job_id)


class _Inline:
    def __init__(
        self,
        plan: Plan,
        pickled: bytes,
        on_collected: OnCollected,
        on_warning: Warn,
        on_progress: OnProgress | None,
    ) -> None:
        self._plan = plan
        self._pickled = pickled
        self._on_progress = on_progress
        self._meter = Meter(plan, monotonic_ns)
        self._told_ns = monotonic_ns()
        self._on_collected = on_collected
        self._on_warning = on_warning
        self._warned: set[str] = set()
        self._event = threading.Event()
        self._error: OperatorError | None = None
        self._cells: dict[WorkerId, array[int]] = {
            WorkerId(worker): array("q", bytes(8 * counter_count(plan, WorkerId(worker))))
            for worker in range(plan.workers)
        }

    def run(self, job_id: str) -> JobResult:
        """See ``run_inline``."""
        started_s = monotonic()
        duty = self._duty()
        try:
            duty.open()
            while not duty.is_done and self._error is None:
                # Cleared before looking: what comes in between is seen in the round or sets it again.
                self._event.clear()
                if not duty.round():
                    self._wait(duty.next_timer_ns())
                self._tell()
        finally:
            duty.close()
        if self._error is not None:
            raise self._error
        self._tell(last=True)
        return JobResult(job_id, self._plan.job_name, monotonic() - started_s, self._meter.results(self._cells))

    def _tell(self, *, last: bool = False) -> None:
        if self._on_progress is None or (monotonic_ns() - self._told_ns < TELL_NS and not last):
            return
        self._told_ns = monotonic_ns()
        self._on_progress(self._meter.look(self._cells))

    def _duty(self) -> DutyCycle:
        channels = _LocalChannels(self._plan)
        tasks: list[Task] = []
        shared_objects = SharedObjects()
        for worker, cells in self._cells.items():
            around = Surroundings(channels, cells, self._collect, self._event.set, shared_objects, self._warn)
            deployment: Deployment = pickle.loads(self._pickled)
            tasks += tasks_of(deployment.plan, worker, around)
        tasks.sort(key=lambda task: task.context.task)
        counters = WorkerCounters(self._cells[WorkerId(0)], monotonic_ns)
        return DutyCycle(tasks, counters, on_failed=self._failed, on_finished=lambda task: None)

    def _collect(self, operator: str) -> Output:
        return _Collecting(operator, self._on_collected)

    def _warn(self, text: str) -> None:
        if text not in self._warned:
            self._warned.add(text)
            self._on_warning(text)

    def _failed(self, task: Task, error: BaseException) -> None:
        raised = error.error if isinstance(error, OperatorFailed) else error
        if isinstance(raised, KeyboardInterrupt):
            # Ctrl-C in this process, and no fault of the function that it came in.
            raise raised
        if self._error is None:
            self._error = operator_error(task, error)

    def _wait(self, until_ns: int | None) -> None:
        self._event.wait(None if until_ns is None else max(until_ns - monotonic_ns(), 0) / 1e9)


class _LocalChannels:
    def __init__(self, plan: Plan) -> None:
        self._settings = plan.settings
        self._channels: dict[ChannelId, LocalChannel] = {}

    def sender(self, channel: ChannelId) -> LocalChannel:
        """The channel itself."""
        if channel not in self._channels:
            timeout_ms, max_rows = self._settings[BUFFER_TIMEOUT_MS], self._settings[FRAME_ROWS]
            self._channels[channel] = LocalChannel(timeout_ms=timeout_ms, max_rows=max_rows, clock=monotonic_ns)
        return self._channels[channel]

    receiver = sender


class _Collecting:
    """Hands collected records to the caller at once."""

    is_ready = True
    is_sent = True
    consumed_per_ns = None

    def __init__(self, operator: str, on_collected: OnCollected) -> None:
        self._operator = operator
        self._on_collected = on_collected

    def put(self, rows: Rows) -> None:
        """Call the caller."""
        self._on_collected(self._operator, [rows.values] if isinstance(rows, Columns) else rows.values)

    def pass_on(self, element: Element) -> None:
        """Of no interest to the caller."""

    def end_turn(self) -> None:
        """Of no interest to the caller."""

    def end(self) -> None:
        """Of no interest to the caller."""

    def flush(self, now_ns: int, *, starved: bool) -> bool:
        """Nothing waits."""
        return False

    def next_flush_ns(self) -> int | None:
        """Nothing waits."""
        return None
