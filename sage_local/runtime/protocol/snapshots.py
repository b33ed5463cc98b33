"""What is known of a task's state once it is durable: told by workers, kept in manifests, told for a restore."""

from sage_local.core.data import data
from sage_local.core.ids import TaskId


@data
class FileRef:
    """A state file and what it must be like; ``path`` is relative to the job's checkpoint directory."""

    path: str
    size: int
    crc32: int


@data
class OperatorSummary:
    """Of one operator in one task, for people: entries by state, and the bytes of its latest snapshot."""

    operator: str
    states: dict[str, int]
    size: int


@data
class TaskSnapshot:
    """A task at a checkpoint, durable. ``files`` are applied in order: one with everything, then what changed since.

    ``is_finished``: the task had come to its end; restored, it does nothing but commit what its sinks had prepared.
    ``after``: the latest checkpoint whose barrier it had met before.
    """

    task: TaskId
    files: tuple[FileRef, ...]
    operators: tuple[OperatorSummary, ...]
    is_finished: bool = False
    after: int = 0


@data
class TaskRestore:
    """What a task begins with: for each of its operators the files to apply, in order.

    An operator's name stands in the files too: a file holds the state of all operators of a task.
    """

    operators: dict[str, tuple[FileRef, ...]]
    is_finished: bool = False


@data
class Checkpointing:
    """What workers need to know of checkpoints.

    ``location``: the job's checkpoint directory. ``attempt`` counts the executions of the job, over restarts and
    resumes; names of files that belong to no single checkpoint carry it. ``restore``: the tasks that have something
    to begin with, the files of which are in ``restore_location``.
    """

    location: str
    attempt: int
    restore_location: str
    restore: dict[TaskId, TaskRestore]
