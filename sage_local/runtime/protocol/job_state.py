"""The life of a job: events in, instructions out.

::

    CREATED ──▶ STARTING ──▶ RUNNING ──▶ STOPPING ──▶ FINISHED
                   │            │           │
                   └────────────┴───────────┴──▶ CANCELLING ──▶ FAILED | CANCELLED

What the job will have been is decided once, by the first event that decides it (``Job.outcome``); the last phase is
entered when every worker's process is gone, so that whoever hears of the end finds nothing left of the job.
"""

from dataclasses import replace
from enum import Enum

from sage_local.core.data import data
from sage_local.core.ids import WorkerId
from sage_local.runtime.protocol.client_messages import StartFailure, WorkerLoss
from sage_local.runtime.protocol.messages import Failure


class Phase(Enum):
    """Where a job is in its life."""

    CREATED = "created"
    STARTING = "starting"
    RUNNING = "running"
    STOPPING = "stopping"
    CANCELLING = "cancelling"
    FINISHED = "finished"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_final(self) -> bool:
        """Nothing more can happen."""
        return self in (Phase.FINISHED, Phase.FAILED, Phase.CANCELLED)


Cause = Failure | WorkerLoss | StartFailure


@data
class Outcome:
    """How the job will end: a final phase, and for ``FAILED`` the first thing that went wrong."""

    phase: Phase
    cause: Cause | None = None


@data
class Start:
    """The plan is here and workers may be started."""


@data
class Ready:
    """A worker has attached to every segment."""

    worker: WorkerId


@data
class Failed:
    """An operator raised, or the job can not go on for a reason of its own."""

    cause: Cause


@data
class Done:
    """A worker has no task left."""

    worker: WorkerId


@data
class Gone:
    """A worker's process has ended; ``loss`` says how, in case nobody had told it to."""

    worker: WorkerId
    loss: WorkerLoss


@data
class StopAsked:
    """Someone wants the job to finish what it has read; with ``drain``, as if its input had ended."""

    drain: bool = False


@data
class CancelAsked:
    """Someone wants the job to end now."""


@data
class CallerGone:
    """The caller of an attached job is gone without a word: nobody waits for a careful end."""


@data
class GraceOver:
    """The time that workers were given to leave by themselves has passed."""


Event = Start | Ready | Failed | Done | Gone | StopAsked | CancelAsked | CallerGone | GraceOver


@data
class StartWorkers:
    """Fork every worker and deploy to it."""


@data
class TellStop:
    """``StopSources`` to every worker."""

    drain: bool = False


@data
class TellCancel:
    """``Cancel`` and then ``Exit`` to every worker that lives, and let ``GraceOver`` follow in a while."""


@data
class TellExit:
    """``Exit`` to every worker, and let ``GraceOver`` follow in a while."""


@data
class Hurry:
    """Let ``GraceOver`` follow at once: leave functions a moment to close, and no more."""


@data
class Kill:
    """SIGKILL to these."""

    workers: frozenset[WorkerId]


@data
class WakeEveryone:
    """Wake every worker unconditionally: a notifier may have died between taking the doorbell's word and waking."""


@data
class Conclude:
    """Nothing of the job is left: tell the caller."""

    outcome: Outcome


Instruction = StartWorkers | TellStop | TellCancel | TellExit | Hurry | Kill | WakeEveryone | Conclude


@data
class Job:
    """The state of one job. ``apply`` gives the state after an event and what has to be done about it."""

    workers: frozenset[WorkerId]
    phase: Phase = Phase.CREATED
    ready: frozenset[WorkerId] = frozenset()
    done: frozenset[WorkerId] = frozenset()
    gone: frozenset[WorkerId] = frozenset()
    outcome: Outcome | None = None

    @property
    def living(self) -> frozenset[WorkerId]:
        """Workers whose process may still exist."""
        return self.workers - self.gone


Step = tuple[Job, tuple[Instruction, ...]]


def apply(job: Job, event: Event) -> Step:
    """The job after ``event``. An event that comes too late to matter changes nothing and asks for nothing."""
    if job.phase.is_final:
        return job, ()
    match event:
        case Start():
            return replace(job, phase=Phase.STARTING), (StartWorkers(),)
        case Ready(worker):
            return _ready(job, worker)
        case Done(worker):
            return _done(job, worker)
        case Gone(worker, loss):
            return _gone(job, worker, loss)
        case Failed(cause):
            return _end(job, Outcome(Phase.FAILED, cause))
        case StopAsked(drain):
            return _stop(job, drain=drain)
        case CancelAsked():
            # Asked while the job is ending anyway: only sooner.
            return _end(job, Outcome(Phase.CANCELLED)) if job.outcome is None else (job, (Hurry(),))
        case CallerGone():
            job, instructions = _end(job, Outcome(Phase.CANCELLED))
            return job, (*instructions, Hurry()) if job.living else instructions
        case GraceOver():
            return (job, (Kill(job.living),)) if job.outcome and job.living else (job, ())


def _ready(job: Job, worker: WorkerId) -> Step:
    ready = job.ready | {worker}
    started = job.phase is Phase.STARTING and ready == job.workers
    return replace(job, ready=ready, phase=Phase.RUNNING if started else job.phase), ()


def _done(job: Job, worker: WorkerId) -> Step:
    job = replace(job, done=job.done | {worker})
    if job.outcome is None and job.done == job.workers:
        return replace(job, outcome=Outcome(Phase.FINISHED)), (TellExit(),)
    return job, ()


def _gone(job: Job, worker: WorkerId, loss: WorkerLoss) -> Step:
    if worker in job.gone:
        return job, ()
    job = replace(job, gone=job.gone | {worker})
    instructions: tuple[Instruction, ...] = (WakeEveryone(),) if job.living else ()
    if job.outcome is None:
        job, more = _end(job, Outcome(Phase.FAILED, loss))
        return job, instructions + more
    return _conclude_when_alone(job, instructions)


def _stop(job: Job, *, drain: bool) -> Step:
    if job.outcome is not None or job.phase is Phase.STOPPING:
        return job, ()
    return replace(job, phase=Phase.STOPPING), (TellStop(drain),)


def _end(job: Job, outcome: Outcome) -> Step:
    """The first outcome wins; a job that is about to finish can no longer be cancelled."""
    if job.outcome is not None:
        return job, ()
    job = replace(job, phase=Phase.CANCELLING, outcome=outcome)
    if job.living:
        return job, (TellCancel(),)
    return _conclude_when_alone(job, ())


def _conclude_when_alone(job: Job, instructions: tuple[Instruction, ...]) -> Step:
    if job.living or job.outcome is None:
        return job, instructions
    return replace(job, phase=job.outcome.phase), (*instructions, Conclude(job.outcome))
