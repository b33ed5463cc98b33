"""What a caller (the launcher in the user's process, or the command line) and the coordinator say to each other."""

from dataclasses import dataclass, field

from sage_local.core.data import data
from sage_local.core.ids import WorkerId
from sage_local.plan.physical import Plan
from sage_local.runtime.protocol.explanations import WindowExplanation
from sage_local.runtime.protocol.messages import Failure
from sage_local.runtime.protocol.progress import Progress


@dataclass(frozen=True, slots=True)
class Submission:
    """To the coordinator, once, from the launcher.

    ``plan`` is without any of the user's objects (the coordinator never loads user code); ``deployment`` is the real
    one, a pickled ``runtime.job.Deployment`` that only workers open. ``sys_path`` and ``argv`` are the caller's.
    ``attached``: the job is cancelled when this caller is gone. ``wants_progress``: send a ``ProgressReport`` a few
    times a second.
    """

    plan: Plan
    deployment: bytes
    sys_path: tuple[str, ...]
    argv: tuple[str, ...]
    attached: bool
    wants_progress: bool
    kinds: dict[str, str] = field(default_factory=dict)
    """What each operator is, by its name, since ``plan`` does not say."""


@data
class StopJob:
    """To the coordinator: sources end, everything in flight drains, the job finishes.

    ``drain``: the streams end for good, so event time ends too and every window and timer fires.
    """

    drain: bool = False


@data
class CancelJob:
    """To the coordinator: drop what is in flight."""


@data
class AskProgress:
    """To the coordinator: answer with a ``ProgressReport`` now."""


@data
class AskStatus:
    """To the coordinator: answer with a ``JobStatus``."""


@data
class AskWindows:
    """To the coordinator: answer with a ``WindowReport`` of this ``question``.

    ``keys`` is a pickled tuple of keys, any of which is meant, and ``key`` says so to people; ``None``: all keys.
    """

    question: int
    operator: str
    keys: bytes | None = None
    key: str | None = None


Request = Submission | StopJob | CancelJob | AskProgress | AskStatus | AskWindows


@data
class Output:
    """From the coordinator: whole lines a worker wrote to its standard output (``stream`` 1) or error (2)."""

    stream: int
    data: bytes


@data
class CollectedFrame:
    """From the coordinator: records of a ``Collect`` operator, still encoded, in order."""

    operator: str
    frame: bytes


@data
class ProgressReport:
    """From the coordinator: a few times a second, and as an answer to ``AskProgress``."""

    progress: Progress
    asked: bool = False


@data
class JobStatus:
    """From the coordinator, as an answer to ``AskStatus``. ``phase`` is a value of ``job_state.Phase``."""

    job_id: str
    name: str
    phase: str
    pid: int
    worker_pids: dict[WorkerId, int]
    progress: Progress


@data
class WindowReport:
    """From the coordinator, as an answer to ``AskWindows``: an explanation, or why there is none."""

    question: int
    explanation: WindowExplanation | None
    problem: str = ""


@data
class WorkerLoss:
    """How a worker's process ended without being told to.

    Exactly one of ``signal`` and ``exit_code`` is set, or neither when nobody could tell (the zygote was lost as well).
    """

    worker: WorkerId
    operators: tuple[str, ...]
    signal: int | None = None
    exit_code: int | None = None


@data
class JobFinished:
    """From the coordinator, last: every record reached its sink, no process is left.

    ``progress`` holds the final counts.
    """

    progress: Progress
    checkpoints: int = 0
    restarts: int = 0
    checkpoints_given_up: int = 0


@data
class JobFailed:
    """From the coordinator, last: the first failure, and where the logs are. No process is left."""

    cause: "Failure | WorkerLoss | StartFailure"
    log_dir: str
    progress: Progress


@data
class StartFailure:
    """The job could not be started or run for a reason outside user code; ``message`` is for the user."""

    message: str


@data
class JobCancelled:
    """From the coordinator, last: cancelled as asked; no process is left."""

    progress: Progress


Conclusion = JobFinished | JobFailed | JobCancelled
Reply = Output | CollectedFrame | ProgressReport | JobStatus | WindowReport | Conclusion
