"""The doer around the job's state machine: turns what happens into events and carries out the instructions."""

from asyncio import AbstractEventLoop, TimerHandle
from collections.abc import Callable
from typing import Protocol

from sage_local.core.ids import WorkerId
from sage_local.runtime.coordinator.fleet import Fleet
from sage_local.runtime.coordinator.log import JobLog
from sage_local.runtime.coordinator.zygote_link import ZygoteLink, ZygoteLostError
from sage_local.runtime.protocol import job_state as state
from sage_local.runtime.protocol.client_messages import StartFailure
from sage_local.runtime.protocol.messages import (
    Cancel,
    Event,
    Exit,
    StandingBy,
    StopSources,
    SuspendSources,
    TaskFailed,
    WorkerDone,
    WorkerFailed,
    WorkerReady,
)
from sage_local.runtime.protocol.zygote_messages import Exited

CANCEL_GRACE_S = 2.0
"""For ``close`` of user functions, and for a call that is about to return."""
EXIT_GRACE_S = 10.0
"""For what user code registered to do at the end of the process."""
HURRY_GRACE_S = 0.3
"""When the caller was killed: nothing of the job may be left a second later."""


class Checkpoints(Protocol):
    """What the life of a job has to do with its checkpoints."""

    def stop(self) -> None:
        """Sources read no further: take the last one, and tell the workers."""

    def abandon(self) -> int:
        """None becomes complete any more. Returns the latest that is, 0 when there is none."""


class Executions(Protocol):
    """What has to be done around the executions of a job."""

    def start(self, missing: frozenset[WorkerId]) -> None:
        """Begin the next one, with new processes for ``missing``.

        Raises ``OSError`` and ``ZygoteLostError``; some of them may have been asked for all the same.
        """

    def ready(self) -> None:
        """All workers of an execution are there."""

    def decide(self, cause: state.Cause) -> None:
        """One has failed, and nothing of it is left: apply ``Begin`` or ``GiveUp``, now or later."""

    def conclude(self, outcome: state.Outcome) -> None:
        """The job is over. Called once, when no worker's process is left."""


class JobShell:
    """Carries one job from ``STARTING`` to its end, over all of its executions."""

    def __init__(
        self,
        loop: AbstractEventLoop,
        fleet: Fleet,
        zygote: ZygoteLink,
        log: JobLog,
        *,
        take_last: Callable[[WorkerId], None],
        executions: Executions,
        may_restart: bool,
        checkpoints: Checkpoints | None = None,
    ) -> None:
        self._loop = loop
        self._fleet = fleet
        self._zygote = zygote
        self._log = log
        self._take_last = take_last
        self._executions = executions
        self._checkpoints = checkpoints
        self._grace: TimerHandle | None = None
        self.job, _ = state.apply(state.Job(frozenset(fleet.workers), may_restart), state.Start())

    def start(self) -> None:
        """Listen to the zygote. The workers were asked for already."""
        self._loop.add_reader(self._zygote.fileno(), self._hear_zygote)

    def apply(self, event: state.Event) -> None:
        """Something happened."""
        self.job, instructions = state.apply(self.job, event)
        self._log.write("DEBUG", f"{type(event).__name__}: job is {self.job.phase.value}")
        for instruction in instructions:
            self._do(instruction)

    def on_report(self, worker: WorkerId, event: Event) -> None:
        """A worker reported something that concerns the life of the job."""
        match event:
            case WorkerReady():
                self.apply(state.Ready(worker))
            case TaskFailed(_, failure):
                self._log.write("ERROR", f"{failure.operator}: {failure.type_name}: {failure.message}")
                self.apply(state.Failed(failure))
            case WorkerFailed(_, reason):
                self.apply(state.Failed(StartFailure(f"worker {worker} {reason}")))
            case WorkerDone():
                self.apply(state.Done(worker))
            case StandingBy():
                self.apply(state.StandingBy(worker))

    def _do(self, instruction: state.Instruction) -> None:
        match instruction:
            case state.StartWorkers(missing):
                self._begin(missing)
            case state.AllReady():
                self._executions.ready()
            case state.TellStandBy():
                self._fleet.tell(Cancel(self._abandoned()), self.job.living)
                self._allow(CANCEL_GRACE_S)
            case state.Decide(cause):
                self._end_grace()
                self._executions.decide(cause)
            case state.TellStop(drain):
                self._stop(drain=drain)
            case state.TellCancel():
                self._fleet.tell(Cancel(self._abandoned()), self.job.living)
                self._fleet.tell(Exit(), self.job.living)
                self._allow(CANCEL_GRACE_S)
            case state.TellExit():
                self._fleet.tell(Exit(), self.job.living)
                self._allow(EXIT_GRACE_S)
            case state.Hurry():
                self._allow(HURRY_GRACE_S)
            case state.Kill(workers):
                self._kill(workers)
            case state.WakeEveryone():
                self._fleet.wake(self.job.living)
            case state.Conclude(outcome):
                self._end(outcome)

    def _begin(self, missing: frozenset[WorkerId]) -> None:
        try:
            self._executions.start(missing)
        except ZygoteLostError:
            self._lose_zygote()
        except OSError as error:
            self.apply(state.Failed(StartFailure(f"the workers could not be started again: {error}")))
            # Nobody knows which of them were asked for: without a zygote none of them lives.
            self._lose_zygote()

    def _stop(self, *, drain: bool) -> None:
        if self._checkpoints is None or drain:
            self._fleet.tell(StopSources(drain), self.job.living)
        else:
            # What was read up to here becomes the last checkpoint, from which the job can go on another time.
            self._fleet.tell(SuspendSources(), self.job.living)
            self._checkpoints.stop()

    def _abandoned(self) -> int | None:
        """First of all no checkpoint may become complete any more; then sinks can be told which one was the last."""
        return None if self._checkpoints is None else self._checkpoints.abandon()

    def _allow(self, grace_s: float) -> None:
        self._end_grace()
        self._grace = self._loop.call_later(grace_s, self.apply, state.GraceOver())

    def _end_grace(self) -> None:
        if self._grace is not None:
            self._grace.cancel()
            self._grace = None

    def _kill(self, workers: frozenset[WorkerId]) -> None:
        names = ", ".join(str(worker) for worker in sorted(workers))
        self._log.write("WARNING", f"workers {names} did not obey in time: SIGKILL")
        for worker in workers:
            self._fleet.workers[worker].kill()
        # A worker whose birth is not reported yet has no process here that could be killed: look again.
        self._allow(HURRY_GRACE_S)

    def _end(self, outcome: state.Outcome) -> None:
        self._end_grace()
        self._loop.remove_reader(self._zygote.fileno())
        self._executions.conclude(outcome)

    def _hear_zygote(self) -> None:
        try:
            report = self._zygote.receive()
        except ZygoteLostError:
            self._lose_zygote()
            return
        if isinstance(report, Exited):
            self._worker_exited(report.worker, report.status)
        else:
            birth, process = report
            self._fleet.workers[birth.worker].process = process
            self._log.write("INFO", f"worker {birth.worker} is process {process.pid}")

    def _worker_exited(self, worker: WorkerId, status: int | None) -> None:
        # What it published before its end is still in its ring, and may well be the reason of its end.
        self._take_last(worker)
        self._log.write("INFO", f"worker {worker} left with status {status}")
        self._fleet.workers[worker].bury()
        self.apply(state.Gone(worker, self._fleet.workers[worker].loss(status)))

    def _lose_zygote(self) -> None:
        """Without it nobody can be forked or reaped; its workers die with it, which their pidfds show."""
        self._loop.remove_reader(self._zygote.fileno())
        self.apply(
            state.Failed(StartFailure("the zygote, the process that workers are forked from, ended unexpectedly"))
        )
        for worker in sorted(self.job.living):
            process = self._fleet.workers[worker].process
            if process is None:
                self._worker_exited(worker, None)
            else:
                self._fleet.workers[worker].kill()
                self._loop.add_reader(process.pidfd, self._orphan_gone, worker, process.pidfd)

    def _orphan_gone(self, worker: WorkerId, pidfd: int) -> None:
        self._loop.remove_reader(pidfd)
        self._worker_exited(worker, None)
