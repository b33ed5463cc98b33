"""The job as it crosses processes, and what is left of it for the caller."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from sage_local.core.data import data
from sage_local.core.ids import WorkerId
from sage_local.plan.physical import Plan


@dataclass(frozen=True, slots=True)
class Deployment:
    """What a worker needs to run its part.

    ``main_classes``: classes of the caller's ``__main__`` by qualified name; the worker places them in its own
    ``__main__`` so that their instances pickle by reference in every process of the job.
    """

    plan: Plan
    main_classes: dict[str, type] = field(default_factory=dict)


@data
class WorkerBoot:
    """What a worker process is born with, before it knows any job.

    ``cpus`` is what it is already pinned to. ``segment_fds`` holds the segment of every worker, its own and the one
    under ``COORDINATOR`` included; the worker owns these descriptors and closes them once mapped.
    ``coordinator_eventfd`` wakes the coordinator (doorbell word 2). ``log_dir`` exists. ``generation`` counts the
    starts of this worker's place in the job, from 0. ``open_files`` is the limit of descriptors that the user's process
    had; ours is the highest allowed until the segments are mapped. ``may_spin`` is false where a peer may need this
    worker's CPU, or CPU time is metered: waiting by spinning can not pay then.
    """

    worker: WorkerId
    cpus: frozenset[int]
    segment_fds: dict[WorkerId, int]
    coordinator_eventfd: int
    log_dir: str
    generation: int
    open_files: int
    may_spin: bool = True


@data
class OperatorResult:
    """What one operator did, summed over its subtasks."""

    name: str
    parallelism: int
    records_in: int
    records_out: int
    records_failed: int = 0
    """Skipped, or diverted to a side output, by ``on_error``."""
    records_late: int = 0
    """Came too late for their windows, and were dropped: no side output takes them."""


@data
class JobResult:
    """What a finished job did. ``operators`` is in the order of the program. ``print`` shows it as a table."""

    job_id: str
    name: str
    duration_s: float
    operators: tuple[OperatorResult, ...]
    checkpoints: int = 0
    restarts: int = 0
    checkpoints_given_up: int = 0
    """For want of space or time: the job went on, and said so."""

    def __str__(self) -> str:
        rows = [_COLUMNS, *map(_row, self.operators)]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = [
            f"job {self.job_id} finished in {self.duration_s:.1f} s; checkpoints: {self.checkpoints:,}"
            f" (given up: {self.checkpoints_given_up:,}), restarts: {self.restarts:,}"
        ]
        for name, *counts in rows:
            lines.append("  ".join([name.ljust(widths[0]), *map(str.rjust, counts, widths[1:])]))
        return "\n".join(lines)

    __repr__ = __str__


_COLUMNS = ("operator", "subtasks", "records in", "records out", "failed", "late")


def _row(operator: OperatorResult) -> tuple[str, ...]:
    counts = (operator.records_in, operator.records_out, operator.records_failed, operator.records_late)
    return (operator.name, str(operator.parallelism), *(f"{count:,}" for count in counts))


def left_out(operators: Iterable[OperatorResult]) -> Iterator[str]:
    """A line for each operator that skipped, diverted or dropped records: nothing of the kind is silent."""
    for operator in operators:
        if operator.records_failed:
            yield (
                f"operator {operator.name!r}: {operator.records_failed:,} of {operator.records_in:,} records failed and"
                " were skipped or diverted (on_error)"
            )
        if operator.records_late:
            yield (
                f"operator {operator.name!r}: {operator.records_late:,} of {operator.records_in:,} records came too"
                " late for their windows and were dropped (side_output_late_data() keeps them)"
            )
