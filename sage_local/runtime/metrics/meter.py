"""Rates: what the counters say now against what they said at the last look."""

from collections.abc import Callable, Mapping

from sage_local.core.ids import WorkerId
from sage_local.plan.physical import Plan
from sage_local.runtime.job import OperatorResult
from sage_local.runtime.metrics.table import Cells, read_operators, results
from sage_local.runtime.protocol.progress import OperatorProgress, Progress


class Meter:
    """Looks at the counters of a job of which all workers' cells are at hand."""

    def __init__(self, plan: Plan, clock: Callable[[], int]) -> None:
        self._plan = plan
        self._clock = clock
        self._started_ns = self._looked_ns = clock()
        self._before: dict[str, OperatorResult] = {}

    def restart(self) -> None:
        """Another execution of the job: its workers count from 0."""
        self._before = {}

    def results(self, cells: Mapping[WorkerId, Cells]) -> tuple[OperatorResult, ...]:
        """The totals of every operator, in the order of the program."""
        readings = [reading for worker in cells for reading in read_operators(cells[worker], self._plan, worker)]
        return results(self._plan, readings)

    def look(self, cells: Mapping[WorkerId, Cells]) -> Progress:
        """The job now; rates are since the last look."""
        now_ns = self._clock()
        elapsed_s = max(now_ns - self._looked_ns, 1000) / 1e9
        totals = self.results(cells)
        operators = tuple(self._progress(total, elapsed_s) for total in totals)
        self._looked_ns = now_ns
        self._before = {total.name: total for total in totals}
        return Progress((now_ns - self._started_ns) / 1e9, operators)

    def _progress(self, total: OperatorResult, elapsed_s: float) -> OperatorProgress:
        before = self._before.get(total.name, OperatorResult(total.name, total.parallelism, 0, 0))
        return OperatorProgress(
            total.name,
            total.parallelism,
            total.records_in,
            total.records_out,
            (total.records_in - before.records_in) / elapsed_s,
            (total.records_out - before.records_out) / elapsed_s,
            total.records_failed,
            total.records_late,
        )
