"""What coordinator and workers say to each other over their control rings (pickled by ``runtime.control.endpoint``)."""

from sage_local.core.data import data
from sage_local.core.ids import TaskId, WorkerId
from sage_local.runtime.protocol.explanations import OriginTime, SubtaskWindows
from sage_local.runtime.protocol.snapshots import Checkpointing, TaskSnapshot

COORDINATOR = WorkerId(-1)
"""The coordinator's place among the workers: it too owns a segment, with a ring from every worker."""


@data
class Deploy:
    """To a worker: the job (a ``runtime.job.Deployment``, cloudpickled). Open and run every task placed on you.

    Comes again for each execution of the job: to a new process, or to one that stands by.
    """

    deployment: bytes
    checkpointing: Checkpointing | None = None


@data
class StopSources:
    """To a worker: sources read no further; everything in flight drains.

    ``drain``: event time ends as well, as at the end of input; else windows that are not complete stay as they are.
    """

    drain: bool = False


@data
class SuspendSources:
    """To a worker: sources read no further and send nothing but barriers; the checkpoint that follows is the last."""


@data
class TriggerCheckpoint:
    """To a worker: every source sends the barrier of ``checkpoint``; ``is_last``: and nothing after it."""

    checkpoint: int
    is_last: bool = False


@data
class CheckpointComplete:
    """To a worker: sinks commit what ``checkpoint`` holds.

    ``is_final``: then close what is left of the tasks and answer with ``WorkerDone``.
    """

    checkpoint: int
    is_final: bool


@data
class Cancel:
    """To a worker: drop what is in flight, close every function, let go of it all, answer with ``StandingBy``.

    ``completed``: the newest complete checkpoint. Sinks commit what it holds and abort what was prepared since;
    ``None`` without checkpoints.
    """

    completed: int | None = None


@data
class ExplainWindows:
    """To a worker: answer with ``WindowsExplained``.

    ``keys`` is a pickled tuple of keys, any of which is meant; ``None``: all.
    """

    question: int
    operator: str
    keys: bytes | None


@data
class Exit:
    """To a worker: leave the process."""


Command = (
    Deploy | StopSources | SuspendSources | TriggerCheckpoint | CheckpointComplete | Cancel | ExplainWindows | Exit
)


@data
class WorkerReady:
    """From a worker: attached to every segment, waiting for ``Deploy``."""

    worker: WorkerId
    pid: int


@data
class WorkerFailed:
    """From a worker: it can not run the job (any more). ``reason`` goes on where "worker 0" has begun."""

    worker: WorkerId
    reason: str


@data
class TaskFinished:
    """From a worker: every input of the task has ended, its output was handed on and its functions are closed."""

    task: TaskId


@data
class Failure:
    """What is known of an exception in a task, ready to be shown in another process.

    ``exception`` is the pickled exception, or ``None`` where it can not be pickled; ``traceback`` its text, the user's
    frames only; ``record`` a shortened ``repr`` of the record at hand, or ``None``.
    """

    operator: str
    subtask: int
    parallelism: int
    type_name: str
    message: str
    record: str | None
    traceback: str
    exception: bytes | None


@data
class TaskFailed:
    """From a worker: an operator raised. The worker keeps running until it is told to ``Cancel``."""

    task: TaskId
    failure: Failure


@data
class Collected:
    """From a worker: records of a ``Collect`` operator, encoded by ``runtime.codec.rows``, in order."""

    operator: str
    frame: bytes


@data
class WorkerDone:
    """From a worker: all of its tasks have finished."""

    worker: WorkerId


@data
class StandingBy:
    """From a worker: the last word on an execution that was cancelled. What is left is a process, with its modules."""

    worker: WorkerId


@data
class CollectedUpTo:
    """From a worker: what was ``Collected`` of ``operator`` so far belongs to ``checkpoint``."""

    operator: str
    checkpoint: int


@data
class SnapshotTaken:
    """From a worker: the state of a task for ``checkpoint`` is durable; ``None``: its last state, it has ended."""

    checkpoint: int | None
    snapshot: TaskSnapshot


@data
class SnapshotFailed:
    """From a worker: the state of ``task`` for ``checkpoint`` could not be written.

    ``None``: its last state, which is tried again until it can.
    """

    task: TaskId
    checkpoint: int | None
    reason: str


@data
class Warned:
    """From a worker: what the user should know, once a job however many workers say it."""

    text: str


@data
class WindowsExplained:
    """From a worker: its part of the answer. ``problem``: why there is none, for the user."""

    worker: WorkerId
    question: int
    subtasks: tuple[SubtaskWindows, ...]
    origins: tuple[OriginTime, ...]
    problem: str | None = None


Event = (
    WorkerReady
    | TaskFinished
    | TaskFailed
    | Collected
    | CollectedUpTo
    | SnapshotTaken
    | SnapshotFailed
    | Warned
    | WindowsExplained
    | WorkerDone
    | WorkerFailed
    | StandingBy
)
