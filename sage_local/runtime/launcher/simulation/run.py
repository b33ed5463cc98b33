"""One simulated job from its start to its end, through every execution that faults make necessary."""

from dataclasses import replace
from typing import Any

from sage_local.config import LATEST, RESTORE
from sage_local.core.ids import WorkerId
from sage_local.errors import CheckpointError, SageError
from sage_local.plan.physical import Plan
from sage_local.runtime.coordinator.recovery import Recovery
from sage_local.runtime.job import Deployment
from sage_local.runtime.launcher.serialization import pickle_deployment
from sage_local.runtime.launcher.simulation.faults import Crash, Fault
from sage_local.runtime.launcher.simulation.storage import SimulatedStorage
from sage_local.runtime.launcher.simulation.workers import SimulatedChannels, SimulatedWorker
from sage_local.runtime.launcher.simulation.world import SimulatedLoop, World
from sage_local.runtime.launcher.submission import without_user_objects
from sage_local.runtime.protocol.client_messages import Submission
from sage_local.runtime.protocol.messages import (
    Cancel,
    Command,
    Event,
    SnapshotFailed,
    SnapshotTaken,
    SuspendSources,
    TaskFailed,
    WorkerDone,
)
from sage_local.runtime.protocol.restarts import GiveUp

MOST_STEPS = 20_000
"""A run of some hundred records takes a few thousand: more is a hang."""


class SimulationStuckError(SageError):
    """The job does not come to its end."""


class Simulation:
    """``stop_after``: ask the job to stop after so many steps, and resume it then, as a user would."""

    def __init__(self, plan: Plan, world: World, *, stop_after: int | None = None) -> None:
        self._plan = plan
        self._world = world
        self._storage = SimulatedStorage(world)
        self._pickled = pickle_deployment(Deployment(plan))
        self._kinds = {each.name: type(each).__name__ for chain in plan.chains for each in chain.operators}
        self._stop_after = stop_after
        self._resumes = False
        self._workers: dict[WorkerId, SimulatedWorker] = {}
        self._loop = SimulatedLoop(world)
        self._failed = False
        self._restarting = False
        self._is_stopping = False
        self._over = False
        self.executions = 0
        world.state = self._state

    def run(self) -> None:
        """Until the job has finished. Raises ``SimulationStuckError`` and whatever the engine raises."""
        self._start_coordinator()
        for step in range(MOST_STEPS):
            if self._over and not self._begin_again():
                return
            try:
                self._step(step)
            except Crash as crash:
                raise AssertionError(f"a crash outside of every process: {crash}") from crash
        raise SimulationStuckError(f"the job has not ended after {MOST_STEPS} steps")

    def _begin_again(self) -> bool:
        """After a stop that came to its end, the user resumes."""
        if not self._is_stopping:
            return False
        self._is_stopping = self._over = False
        self._stop_after = None
        self._resumes = True
        self._world.tell("the job has stopped, and is resumed")
        self._start_coordinator()
        return True

    def _start_coordinator(self) -> None:
        self._loop.forget()
        self._loop = SimulatedLoop(self._world)
        self._workers = {}
        self._failed = self._restarting = False
        plan = self._plan
        if self._resumes:
            plan = replace(plan, settings=plan.settings.resolved(RESTORE, LATEST))
        submission = Submission(without_user_objects(plan), self._pickled, (), (), False, False, self._kinds)
        self._recovery = Recovery(submission, f"run-{self.executions}", self._storage)
        self._recovery.serve(
            self._loop,  # type: ignore[arg-type]  # the part of a loop that it uses
            warn=self._world.tell,
            on_complete=lambda checkpoint: self._world.tell(f"checkpoint {checkpoint} is complete"),
            on_impossible=lambda reason: self._fail(f"the job gave up: {reason}"),
        )
        self._execute()

    def _execute(self) -> None:
        self._restarting = False
        self.executions += 1
        checkpointing = self._recovery.begin()
        if checkpointing is None:
            raise CheckpointError("a simulated job takes checkpoints: set checkpoint.interval")
        files = [refs for task in checkpointing.restore.values() for refs in task.operators.values()]
        restored = sorted({ref.path for refs in files for ref in refs})
        self._world.tell(f"execution {self.executions} begins with {', '.join(restored) or 'nothing'}")
        self._recovery.follow()
        channels = SimulatedChannels(self._plan, self._world)
        self._failed = False
        self._workers = {}
        for number in sorted(set(self._plan.placement.values())):
            worker = SimulatedWorker(number, self._pickled, checkpointing, channels, self._storage, self._world)
            self._workers[number] = worker
        for worker in list(self._workers.values()):
            self._in_worker(worker, worker.open)
        if not self._failed:
            self._recovery.running(self._now_ms(), self._tell)

    def _step(self, step: int) -> None:
        world = self._world
        if self._stop_after is not None and step >= self._stop_after and self._can_stop():
            self._stop()
            return
        world.pass_time(0.4)
        if world.strikes(Fault.COORDINATOR_DIES, "coordinator"):
            self._coordinator_died()
            return
        try:
            self._loop.run_due()
        except Crash:
            self._coordinator_died()
            return
        workers = list(self._workers.values())
        if not workers:
            if not self._restarting:
                raise SimulationStuckError("no worker is left and no restart is due")
            world.pass_time(5)
            return
        worker = world.random.choice(workers)
        choice = world.random.random()
        if choice < 0.25 and worker.reports:
            self._deliver(worker)
        elif choice < 0.5 and worker.commands:
            self._in_worker(worker, worker.obey)
        else:
            self._in_worker(worker, worker.round)

    def _can_stop(self) -> bool:
        return bool(self._workers) and not self._is_stopping and not self._failed

    def _stop(self) -> None:
        self._world.tell("the user stops the job")
        self._is_stopping = True
        self._tell(SuspendSources())
        self._in_coordinator(self._recovery.stop)

    def _in_worker(self, worker: SimulatedWorker, act: Any) -> None:
        try:
            act()
        except Crash:
            self._worker_died(worker)

    def _in_coordinator(self, act: Any) -> None:
        try:
            act()
        except Crash:
            self._coordinator_died()

    def _deliver(self, worker: SimulatedWorker) -> None:
        event = worker.reports.popleft()
        is_acknowledgement = isinstance(event, SnapshotTaken) and event.checkpoint is not None
        if is_acknowledgement and self._world.strikes(Fault.ACKNOWLEDGEMENT_LOST, f"worker {worker.number}"):
            return
        self._in_coordinator(lambda: self._hear(worker, event))

    def _hear(self, worker: SimulatedWorker, event: Event) -> None:
        match event:
            case SnapshotTaken() | SnapshotFailed():
                assert self._recovery.checkpoints is not None
                self._recovery.checkpoints.on_report(event)
            case TaskFailed(_, failure):
                self._fail(f"{failure.operator}: {failure.type_name}: {failure.message}")
            case WorkerDone():
                del self._workers[worker.number]
                self._when_alone()

    def _worker_died(self, worker: SimulatedWorker) -> None:
        # What it had reported before is still in its ring.
        while worker.reports and worker.number in self._workers:
            event = worker.reports.popleft()
            if isinstance(event, WorkerDone):
                break
            self._in_coordinator(lambda event=event: self._hear(worker, event))
        if self._workers.pop(worker.number, None) is None:
            return
        self._fail(f"worker {worker.number} was lost")
        self._when_alone()

    def _fail(self, reason: str) -> None:
        if self._failed:
            return
        self._failed = True
        self._world.tell(f"the execution fails: {reason}")
        completed = self._recovery.abandon()
        self._tell(Cancel(completed))

    def _when_alone(self) -> None:
        if self._workers:
            return
        if not self._failed:
            self._over = True
            return
        self._recovery.abandon()
        decision = self._recovery.failed(self._now_ms())
        if isinstance(decision, GiveUp):
            raise SimulationStuckError(f"the job was given up: {decision.reason}")
        self._restarting = True
        # A job that was stopping has to be stopped again, by whoever wanted it.
        self._is_stopping = False
        self._loop.call_later(decision.delay_ms / 1000, self._execute)

    def _coordinator_died(self) -> None:
        """Its workers end with it, without a word; the user resumes."""
        self._world.tell("the coordinator is gone, and its workers with it; the job is resumed")
        self._resumes = True
        self._is_stopping = False
        self._start_coordinator()

    def _tell(self, command: Command) -> None:
        for worker in self._workers.values():
            worker.commands.append(command)

    def _now_ms(self) -> int:
        return self._world.now_ns // 1_000_000

    def _state(self) -> str:
        """Where the checkpoint coordinator is, in a word."""
        recovery = getattr(self, "_recovery", None)
        checkpoints = None if recovery is None else recovery.checkpoints
        if checkpoints is None or self._restarting or not self._workers:
            return "restarting"
        return "ending" if self._failed else str(checkpoints.phase)
