"""The one table of counters: their places, the writers of a worker and the readers of everybody else.

A reader may see a counter that is a few records behind, and two counters from different moments: good for people and
for rates, not for decisions. An aligned 8-byte store is never seen half done.
"""

from collections.abc import Callable, Sequence
from enum import IntEnum
from typing import Protocol

from sage_local.core.data import data
from sage_local.core.ids import TaskId, WorkerId
from sage_local.plan.physical import Plan
from sage_local.runtime.job import OperatorResult
from sage_local.runtime.memory.layout import COUNTERS_PER_OPERATOR, COUNTERS_PER_WORKER, counted_operators


class WorkerCounter(IntEnum):
    """The counters of a worker as a whole, by place."""

    AT_WORK = 0
    """0: between tasks. n: in the operator with place n - 1 among ``counted_operators`` (or one fused with it)."""
    AT_WORK_SINCE_NS = 1
    """``CLOCK_MONOTONIC`` when ``AT_WORK`` was last set: how long a call has not returned."""
    BUSY_NS = 2
    """Time spent in tasks."""
    ROUNDS = 3
    """Rounds of the duty cycle."""
    SLEEPS = 4
    """How often the worker found nothing to do and slept."""


class OperatorCounter(IntEnum):
    """The counters of each operator of each task, by place."""

    RECORDS_IN = 0
    RECORDS_OUT = 1
    BUSY_NS = 2
    """Time in this operator, or for operators compiled into one function all of theirs, on the first of them."""
    RECORDS_FAILED = 3
    """Skipped or diverted by ``on_error``."""
    RECORDS_LATE = 4
    """Came too late for their windows, and were dropped."""
    FUSED = 5
    """How many of the operators behind this one are compiled into one function with it."""


assert len(WorkerCounter) <= COUNTERS_PER_WORKER
assert len(OperatorCounter) <= COUNTERS_PER_OPERATOR


# As plain numbers, for the two calls around every batch of every operator.
_AT_WORK = int(WorkerCounter.AT_WORK)
_AT_WORK_SINCE_NS = int(WorkerCounter.AT_WORK_SINCE_NS)
_BUSY_NS = int(WorkerCounter.BUSY_NS)
_FIRST_OPERATOR_BUSY_NS = COUNTERS_PER_WORKER + int(OperatorCounter.BUSY_NS)


class Cells(Protocol):
    """int64 cells: a memoryview of the segment with format ``q``, or an ``array('q')`` inline."""

    def __getitem__(self, index: int, /) -> int: ...
    def __setitem__(self, index: int, value: int, /) -> None: ...


class OperatorCounters:
    """The writer of one operator's counters; its task alone uses it."""

    __slots__ = ("_cells", "_failed", "_fused", "_in", "_late", "_out", "place")

    def __init__(self, cells: Cells, place: int) -> None:
        self._cells = cells
        self.place = place
        """Among ``counted_operators``."""
        self._in = operator_index(place, OperatorCounter.RECORDS_IN)
        self._out = operator_index(place, OperatorCounter.RECORDS_OUT)
        self._failed = operator_index(place, OperatorCounter.RECORDS_FAILED)
        self._late = operator_index(place, OperatorCounter.RECORDS_LATE)
        self._fused = operator_index(place, OperatorCounter.FUSED)

    def took(self, records: int) -> None:
        """Count ``records`` in."""
        self._cells[self._in] += records

    def failed(self, records: int) -> None:
        """Count ``records`` that were skipped or diverted."""
        self._cells[self._failed] += records

    def late(self, records: int) -> None:
        """Count ``records`` that came too late and were dropped."""
        self._cells[self._late] += records

    def gave(self, records: int) -> None:
        """Count ``records`` out."""
        self._cells[self._out] += records

    def fused(self, behind: int) -> None:
        """So many of the operators behind are one function with this one."""
        self._cells[self._fused] = behind

    @property
    def records_in(self) -> int:
        """Counted so far."""
        return self._cells[self._in]

    @property
    def records_out(self) -> int:
        """Counted so far."""
        return self._cells[self._out]

    @property
    def records_late(self) -> int:
        """Counted so far."""
        return self._cells[self._late]


class WorkerCounters:
    """The writer of a worker's own counters and of the time its operators take."""

    __slots__ = ("_cells", "_clock")

    def __init__(self, cells: Cells, clock: Callable[[], int]) -> None:
        self._cells = cells
        self._clock = clock

    def enter(self, place: int) -> int:
        """The operator at ``place`` is at work from now; returns the time, in ns."""
        now_ns = self._clock()
        cells = self._cells
        cells[_AT_WORK_SINCE_NS] = now_ns
        cells[_AT_WORK] = place + 1
        return now_ns

    def leave(self, place: int, entered_ns: int) -> int:
        """It has returned; ``entered_ns`` is what ``enter`` gave. Returns how long it took, in ns."""
        elapsed_ns = self._clock() - entered_ns
        cells = self._cells
        cells[_AT_WORK] = 0
        cells[_FIRST_OPERATOR_BUSY_NS + place * COUNTERS_PER_OPERATOR] += elapsed_ns
        cells[_BUSY_NS] += elapsed_ns
        return elapsed_ns

    def rest(self) -> None:
        """No operator is at work: the one that was has raised."""
        self._cells[WorkerCounter.AT_WORK] = 0

    def add(self, counter: WorkerCounter) -> None:
        """Count one."""
        self._cells[counter] += 1


def operator_index(place: int, counter: OperatorCounter) -> int:
    """The cell of ``counter`` of the operator at ``place`` among ``counted_operators``."""
    return COUNTERS_PER_WORKER + place * COUNTERS_PER_OPERATOR + counter


def counter_count(plan: Plan, worker: WorkerId) -> int:
    """How many cells ``worker`` has."""
    return COUNTERS_PER_WORKER + COUNTERS_PER_OPERATOR * len(counted_operators(plan, worker))


@data
class OperatorReading:
    """What one operator of one task has done so far."""

    task: TaskId
    operator: str
    records_in: int
    records_out: int
    busy_ns: int
    records_failed: int = 0
    records_late: int = 0


@data
class AtWork:
    """The operator that a worker is in, or those compiled into one, and since when (``CLOCK_MONOTONIC``)."""

    task: TaskId
    operator: str
    since_ns: int


def read_operators(cells: Cells, plan: Plan, worker: WorkerId) -> list[OperatorReading]:
    """Every operator of every task placed on ``worker``, in order."""
    return [
        OperatorReading(
            task,
            plan.chains[task.chain].operators[index].name,
            cells[operator_index(place, OperatorCounter.RECORDS_IN)],
            cells[operator_index(place, OperatorCounter.RECORDS_OUT)],
            cells[operator_index(place, OperatorCounter.BUSY_NS)],
            cells[operator_index(place, OperatorCounter.RECORDS_FAILED)],
            cells[operator_index(place, OperatorCounter.RECORDS_LATE)],
        )
        for place, (task, index) in enumerate(counted_operators(plan, worker))
    ]


def read_at_work(cells: Cells, plan: Plan, worker: WorkerId) -> AtWork | None:
    """Where ``worker`` is right now; ``None`` between tasks."""
    at_work = cells[WorkerCounter.AT_WORK]
    since_ns = cells[WorkerCounter.AT_WORK_SINCE_NS]
    if at_work == 0:
        return None
    task, index = counted_operators(plan, worker)[at_work - 1]
    behind = cells[operator_index(at_work - 1, OperatorCounter.FUSED)]
    fused = plan.chains[task.chain].operators[index : index + 1 + behind]
    return AtWork(task, " → ".join(operator.name for operator in fused), since_ns)


def results(plan: Plan, readings: Sequence[OperatorReading]) -> tuple[OperatorResult, ...]:
    """``readings`` of all workers, summed over the subtasks of each operator, in the order of the program."""
    totals: dict[str, tuple[int, int, int, int]] = {}
    for reading in readings:
        taken, given, failed, late = totals.get(reading.operator, (0, 0, 0, 0))
        totals[reading.operator] = (
            taken + reading.records_in,
            given + reading.records_out,
            failed + reading.records_failed,
            late + reading.records_late,
        )
    return tuple(
        OperatorResult(operator.name, chain.parallelism, *totals.get(operator.name, (0, 0, 0, 0)))
        for chain in plan.chains
        for operator in chain.operators
    )
