"""Looks at the workers' counters and says how the job is doing."""

from collections.abc import Callable

from sage_local.core.ids import WorkerId
from sage_local.runtime.coordinator.fleet import Fleet
from sage_local.runtime.job import OperatorResult
from sage_local.runtime.metrics.meter import Meter
from sage_local.runtime.metrics.table import AtWork, Cells, read_at_work
from sage_local.runtime.protocol.progress import LongCall, Progress

LONG_CALL_S = 5.0
"""Nobody wonders before; a call to a large model may take this long and be well."""


class ProgressMeter:
    """As ``Meter``, with the calls that take long.

    ``clock_ns`` is the one that workers stamp their counters with (monotonic).
    """

    def __init__(self, fleet: Fleet, clock_ns: Callable[[], int]) -> None:
        self._fleet = fleet
        self._clock_ns = clock_ns
        self._meter = Meter(fleet.plan, clock_ns)

    def restart(self) -> None:
        """Another execution: its workers count from 0."""
        self._meter.restart()

    def results(self) -> tuple[OperatorResult, ...]:
        """The totals of every operator in this execution."""
        return self._meter.results(self._cells())

    def look(self) -> Progress:
        """The job now; rates are since the last call."""
        seen = self._meter.look(self._cells())
        return Progress(seen.elapsed_s, seen.operators, self.calls(longer_than_s=LONG_CALL_S))

    def _cells(self) -> dict[WorkerId, Cells]:
        return {worker.id: worker.counters for worker in self._fleet.workers.values()}

    def calls(self, *, longer_than_s: float) -> tuple[LongCall, ...]:
        """The calls of user code that workers have been in for so long."""
        plan, now_ns = self._fleet.plan, self._clock_ns()
        calls = (read_at_work(worker.counters, plan, worker.id) for worker in self._fleet.workers.values())
        return tuple(
            _long_call(call, now_ns) for call in calls if call and now_ns - call.since_ns > longer_than_s * 1e9
        )


def _long_call(call: AtWork, now_ns: int) -> LongCall:
    return LongCall(call.operator, call.task.subtask, (now_ns - call.since_ns) / 1e9)
