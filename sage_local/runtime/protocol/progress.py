"""What a running job tells of itself, as data."""

from sage_local.core.data import data


@data
class OperatorProgress:
    """Counts of one operator, summed over its subtasks, and its rates since the report before."""

    name: str
    parallelism: int
    records_in: int
    records_out: int
    in_per_s: float
    out_per_s: float
    records_failed: int = 0
    records_late: int = 0


@data
class LongCall:
    """A subtask that has been inside one call of user code for so long that a reader may wonder."""

    operator: str
    subtask: int
    duration_s: float


@data
class Progress:
    """One look at a job. ``operators`` is in the order of the program."""

    elapsed_s: float
    operators: tuple[OperatorProgress, ...]
    long_calls: tuple[LongCall, ...] = ()
