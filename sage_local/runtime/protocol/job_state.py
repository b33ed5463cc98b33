"""The life of a job: events in, instructions out.

::

    CREATED ──▶ STARTING ──▶ RUNNING ──▶ STOPPING ──▶ FINISHED
                 ▲ │            │           │
                 │ ├────────────┴───────────┴──▶ CANCELLING ──▶ FAILED | CANCELLED
                 │ ▼                                 ▲
                 │ FAILING ──▶ RESTARTING ───────────┘
                 └─────────────────┘

A job that may restart lets its workers stand by after a failure: they drop their tasks and keep their process. The
next execution forks only those that are gone. Who neither stands by nor dies within the grace time, stuck in a call
that does not return, is killed and forked anew.

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
    FAILING = "failing"
    """The execution has failed, and another may follow: workers let go of their tasks, and stay."""
    RESTARTING = "restarting"
    """Every worker that lives stands by for the next execution."""
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
class StandingBy:
    """A worker has nothing of the execution left, as ``Cancel`` told it; its process is as good as a new one."""

    worker: WorkerId


@data
class Begin:
    """The next execution may begin."""


@data
class GiveUp:
    """No execution follows; ``cause`` is what the job fails with."""

    cause: Cause


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


Event = (
    Start
    | Ready
    | Failed
    | Done
    | Gone
    | StandingBy
    | Begin
    | GiveUp
    | StopAsked
    | CancelAsked
    | CallerGone
    | GraceOver
)


@data
class StartWorkers:
    """Fork ``missing``, empty what the execution before has left in the rings, and deploy to every worker."""

    missing: frozenset[WorkerId]


@data
class AllReady:
    """Every worker has what it needs: the execution runs."""


@data
class TellStandBy:
    """``Cancel`` to every worker that lives, which stays; and let ``GraceOver`` follow in a while."""


@data
class Decide:
    """Nothing of the execution is left: say ``Begin``, in a while perhaps, or ``GiveUp``."""

    cause: Cause


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


Instruction = (
    StartWorkers
    | AllReady
    | TellStop
    | TellStandBy
    | Decide
    | TellCancel
    | TellExit
    | Hurry
    | Kill
    | WakeEveryone
    | Conclude
)


@data
class Job:
    """The state of one job. ``apply`` gives the state after an event and what has to be done about it.

    ``may_restart``: a failure is followed by ``Decide``. ``cause``: the first failure of the execution at hand.
    ``generation`` counts the executions, from 0; ``ready``, ``done`` and ``standing_by`` are of the one at hand.
    """

    workers: frozenset[WorkerId]
    may_restart: bool = False
    phase: Phase = Phase.CREATED
    generation: int = 0
    cause: Cause | None = None
    standing_by: frozenset[WorkerId] = frozenset()
    ready: frozenset[WorkerId] = frozenset()
    done: frozenset[WorkerId] = frozenset()
    gone: frozenset[WorkerId] = frozenset()
    stop: StopAsked | None = None
    outcome: Outcome | None = None

    @property
    def living(self) -> frozenset[WorkerId]:
        """Workers whose process may still exist."""
        return self.workers - self.gone


Step = tuple[Job, tuple[Instruction, ...]]

_BETWEEN = (Phase.FAILING, Phase.RESTARTING)


def apply(job: Job, event: Event) -> Step:
    """The job after ``event``. An event that comes too late to matter changes nothing and asks for nothing."""
    if job.phase.is_final:
        return job, ()
    match event:
        case Start():
            return replace(job, phase=Phase.STARTING), (StartWorkers(job.workers),)
        case Ready(worker):
            return _ready(job, worker)
        case Done(worker):
            return _done(job, worker)
        case Gone(worker, loss):
            return _gone(job, worker, loss)
        case Failed(cause):
            return _fail(job, cause)
        case StandingBy(worker):
            return _decide_when_all_stand_by(replace(job, standing_by=job.standing_by | {worker}), ())
        case Begin():
            return _begin(job)
        case GiveUp(cause):
            return _end(job, Outcome(Phase.FAILED, cause))
        case StopAsked():
            return _stop(job, event)
        case CancelAsked():
            # Asked while the job is ending anyway: only sooner.
            return _end(job, Outcome(Phase.CANCELLED)) if job.outcome is None else (job, (Hurry(),))
        case CallerGone():
            job, instructions = _end(job, Outcome(Phase.CANCELLED))
            return job, (*instructions, Hurry()) if job.living else instructions
        case GraceOver():
            late = job.living if job.outcome else job.living - job.standing_by
            return (job, (Kill(late),)) if late and (job.outcome or job.phase is Phase.FAILING) else (job, ())


def _ready(job: Job, worker: WorkerId) -> Step:
    job = replace(job, ready=job.ready | {worker})
    return _run(job) if job.ready == job.workers else (job, ())


def _run(job: Job) -> Step:
    """Every worker is there. A job that was asked to stop meanwhile still needs to know."""
    match job.phase:
        case Phase.STARTING:
            return replace(job, phase=Phase.RUNNING), (AllReady(),)
        case Phase.STOPPING:
            return job, (AllReady(),)
    return job, ()


def _done(job: Job, worker: WorkerId) -> Step:
    if job.phase is Phase.FAILING:
        # Said before it heard that the execution has failed.
        return job, ()
    job = replace(job, done=job.done | {worker})
    if job.outcome is None and job.done == job.workers:
        return replace(job, outcome=Outcome(Phase.FINISHED)), (TellExit(),)
    return job, ()


def _gone(job: Job, worker: WorkerId, loss: WorkerLoss) -> Step:
    if worker in job.gone:
        return job, ()
    job = replace(job, gone=job.gone | {worker})
    instructions: tuple[Instruction, ...] = (WakeEveryone(),) if job.living else ()
    if job.outcome is not None:
        return _conclude_when_alone(job, instructions)
    if job.phase is Phase.RESTARTING:
        return job, instructions
    if job.phase is Phase.FAILING:
        return _decide_when_all_stand_by(job, instructions)
    job, more = _fail(job, loss)
    return job, instructions + more


def _fail(job: Job, cause: Cause) -> Step:
    """The first failure of an execution counts. One that would meet the next execution as well ends the job."""
    if job.outcome is not None or not job.may_restart or isinstance(cause, StartFailure):
        return _end(job, Outcome(Phase.FAILED, cause))
    if job.phase in _BETWEEN:
        return job, ()
    told: tuple[Instruction, ...] = (TellStandBy(),) if job.living else ()
    return _decide_when_all_stand_by(replace(job, phase=Phase.FAILING, cause=cause, standing_by=frozenset()), told)


def _decide_when_all_stand_by(job: Job, instructions: tuple[Instruction, ...]) -> Step:
    if job.phase is not Phase.FAILING or job.living - job.standing_by:
        return job, instructions
    assert job.cause is not None
    return replace(job, phase=Phase.RESTARTING), (*instructions, Decide(job.cause))


def _begin(job: Job) -> Step:
    if job.phase is not Phase.RESTARTING:
        return job, ()
    # Whoever lives has attached to everything long ago.
    begun = Job(job.workers, job.may_restart, Phase.STARTING, job.generation + 1, ready=job.living)
    instructions: tuple[Instruction, ...] = (StartWorkers(job.gone),)
    if job.stop is not None:
        # It failed before it had stopped: what was asked for still holds.
        begun, told = _stop(begun, job.stop)
        instructions += told
    if job.gone:
        return begun, instructions
    begun, told = _run(begun)
    return begun, instructions + told


def _stop(job: Job, asked: StopAsked) -> Step:
    if job.phase in _BETWEEN:
        # Nobody is left who could drain, and the next execution is not wanted any more.
        return _end(job, Outcome(Phase.CANCELLED))
    if job.outcome is not None or job.phase is Phase.STOPPING:
        return job, ()
    return replace(job, phase=Phase.STOPPING, stop=asked), (TellStop(asked.drain),)


def _end(job: Job, outcome: Outcome) -> Step:
    """The first outcome wins; a job that is about to finish can no longer be cancelled."""
    if job.outcome is not None:
        return job, ()
    # Who stands by has let go of everything already.
    told = TellExit() if job.phase is Phase.RESTARTING else TellCancel()
    job = replace(job, phase=Phase.CANCELLING, outcome=outcome)
    if job.living:
        return job, (told,)
    return _conclude_when_alone(job, ())


def _conclude_when_alone(job: Job, instructions: tuple[Instruction, ...]) -> Step:
    if job.living or job.outcome is None:
        return job, instructions
    return replace(job, phase=job.outcome.phase), (*instructions, Conclude(job.outcome))
