"""Looks at the workers' counters and says how the job is doing."""

from collections.abc import Callable

from sage_local.runtime.coordinator.fleet import Fleet
from sage_local.runtime.job import OperatorResult
from sage_local.runtime.metrics.table import AtWork, read_at_work, read_operators, results
from sage_local.runtime.protocol.progress import LongCall, OperatorProgress, Progress

LONG_CALL_S = 5.0
"""Nobody wonders before; a call to a large model may take this long and be well."""


class ProgressMeter:
    """Compares each look with the one before.

    ``clock_ns`` is the one that workers stamp their counters with (monotonic).
    """

    def __init__(self, fleet: Fleet, clock_ns: Callable[[], int]) -> None:
        self._fleet = fleet
        self._clock_ns = clock_ns
        self._started_ns = clock_ns()
        self._looked_ns = self._started_ns
        self._counts: dict[str, tuple[int, int]] = {}

    def restart(self) -> None:
        """Another execution: its workers count from 0."""
        self._counts = {}

    def look(self) -> Progress:
        """The job now; rates are since the last call."""
        now_ns = self._clock_ns()
        elapsed_s = max((now_ns - self._looked_ns) / 1e9, 1e-6)
        operators = tuple(self._operator(result, elapsed_s) for result in self._results())
        self._looked_ns = now_ns
        self._counts = {each.name: (each.records_in, each.records_out) for each in operators}
        return Progress((now_ns - self._started_ns) / 1e9, operators, self._long_calls(now_ns))

    def _results(self) -> tuple[OperatorResult, ...]:
        plan = self._fleet.plan
        readings = [
            reading
            for worker in self._fleet.workers.values()
            for reading in read_operators(worker.counters, plan, worker.id)
        ]
        return results(plan, readings)

    def _operator(self, result: OperatorResult, elapsed_s: float) -> OperatorProgress:
        before_in, before_out = self._counts.get(result.name, (0, 0))
        return OperatorProgress(
            result.name,
            result.parallelism,
            result.records_in,
            result.records_out,
            (result.records_in - before_in) / elapsed_s,
            (result.records_out - before_out) / elapsed_s,
            result.records_failed,
            result.records_late,
        )

    def _long_calls(self, now_ns: int) -> tuple[LongCall, ...]:
        plan = self._fleet.plan
        calls = (read_at_work(worker.counters, plan, worker.id) for worker in self._fleet.workers.values())
        return tuple(_long_call(call, now_ns) for call in calls if call and now_ns - call.since_ns > LONG_CALL_S * 1e9)


def _long_call(call: AtWork, now_ns: int) -> LongCall:
    return LongCall(call.operator, call.task.subtask, (now_ns - call.since_ns) / 1e9)
