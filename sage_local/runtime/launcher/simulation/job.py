"""One coordinator with its workers: from a submission to the end of the job, or of the coordinator."""

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import replace
from itertools import islice

from sage_local.config import LATEST, RESTORE
from sage_local.core.ids import WorkerId
from sage_local.errors import CheckpointError, SageError
from sage_local.plan.physical import Plan
from sage_local.runtime.coordinator.recovery import Recovery
from sage_local.runtime.coordinator.shell import JobShell
from sage_local.runtime.launcher.simulation.faults import Fault
from sage_local.runtime.launcher.simulation.storage import SLOW_MS, Disk, SimulatedStorage
from sage_local.runtime.launcher.simulation.workers import SimulatedChannels, SimulatedWorker
from sage_local.runtime.launcher.simulation.world import SimulatedLoop, World
from sage_local.runtime.launcher.submission import kinds_of, without_user_objects
from sage_local.runtime.protocol import job_state as state
from sage_local.runtime.protocol.client_messages import StartFailure, Submission, WorkerLoss
from sage_local.runtime.protocol.messages import Command, Deploy, Failure, SnapshotFailed, SnapshotTaken
from sage_local.runtime.protocol.restarts import GiveUp
from sage_local.runtime.protocol.snapshots import Checkpointing
from sage_local.runtime.protocol.zygote_messages import Exited

SIGKILL = -9
_ZYGOTE = 0
"""The descriptor of a zygote that nobody has to listen to."""


class SimulatedProcess(SimulatedWorker):
    """A worker with what ``coordinator.fleet.Worker`` and the zygote know of its process."""

    status: int | None = None
    """How it ended; ``None`` while it lives."""

    is_killed = False

    def kill(self) -> None:
        """See ``fleet.Worker``."""
        self.is_killed = True

    def bury(self) -> None:
        """See ``fleet.Worker``."""

    def loss(self, status: int) -> WorkerLoss:
        """See ``fleet.Worker``."""
        return WorkerLoss(self.number, (), signal=-status if status < 0 else None)


class SimulatedFleet:
    """What a job's shell wants of ``coordinator.fleet.Fleet``, and of the zygote."""

    def __init__(self) -> None:
        self.workers: dict[WorkerId, SimulatedProcess] = {}
        self.exits: deque[Exited] = deque()

    def tell(self, command: Command, workers: Iterable[WorkerId]) -> None:
        """Into the command ring of each of ``workers``."""
        for worker in workers:
            self.workers[worker].commands.append(command)

    def wake(self, workers: Iterable[WorkerId]) -> None:
        """Nobody sleeps."""

    def fileno(self) -> int:
        """See ``ZygoteLink``."""
        return _ZYGOTE

    def receive(self) -> Exited:
        """See ``ZygoteLink``."""
        return self.exits.popleft()


class SimulatedJob:
    """Does what ``coordinator.service`` does, by the same shells and deciders.

    ``outcome`` is there when it is over. ``Crash`` comes out where the coordinator dies. ``on_restored`` hears the
    checkpoint of each execution, 0 for none.
    """

    def __init__(
        self,
        plan: Plan,
        pickled: bytes,
        disk: Disk,
        world: World,
        run: str,
        on_restored: Callable[[int], None],
        *,
        resumes: bool,
    ) -> None:
        self._world = world
        self._disk = disk
        self._pickled = pickled
        self._on_restored = on_restored
        self._loop = SimulatedLoop(world)
        self._plan = plan
        self._run = run
        self._resumes = resumes
        self._fleet = SimulatedFleet()
        self._shell: JobShell | None = None
        self._checkpointing: Checkpointing | None = None
        self._held_until_ns: dict[WorkerId, int] = {}
        self.outcome: state.Outcome | None = None
        self.executions = 0

    def begin(self) -> None:
        """Submit. Raises ``CheckpointError`` where there is nothing to resume from."""
        plan = self._plan
        if self._resumes:
            plan = replace(plan, settings=plan.settings.resolved(RESTORE, LATEST))
        submission = Submission(without_user_objects(plan), self._pickled, (), (), False, False, kinds_of(plan))
        self._recovery = Recovery(submission, self._run, SimulatedStorage(self._disk, is_coordinators=True))
        self._recovery.serve(
            self._loop,  # type: ignore[arg-type]  # the part of a loop that it uses
            warn=self._world.tell,
            on_complete=lambda checkpoint: self._world.tell(f"checkpoint {checkpoint} is complete"),
            on_impossible=lambda reason: self._apply(state.Failed(StartFailure(reason))),
            clock=self._world,
        )
        self._checkpointing = self._recovery.begin()
        numbers = frozenset(self._plan.placement.values())
        self._fork(numbers)
        self._shell = JobShell(
            self._loop,  # type: ignore[arg-type]  # as above
            self._fleet,  # type: ignore[arg-type]  # what the shell uses of a fleet
            self._fleet,  # type: ignore[arg-type]  # and of the link to a zygote
            _Unwritten(),  # type: ignore[arg-type]  # and of a log
            take_last=self._take_last,
            executions=self,
            may_restart=True,
            checkpoints=self._recovery,
        )
        self._shell.start()

    def step(self) -> None:
        """Something happens, somewhere."""
        world, fleet = self._world, self._fleet
        world.may_crash(Fault.COORDINATOR_DIES, "coordinator")
        self._loop.run_due()
        if fleet.exits and world.random.random() < 0.2:
            self._loop.readers[_ZYGOTE]()
        if self.outcome is not None:
            return
        worker = world.random.choice(list(fleet.workers.values()))
        if worker.reports and world.random.random() < 0.3:
            self._deliver(worker)
        elif worker.status is None:
            survives = not worker.is_killed and world.survives(worker.act)
            if not survives or worker.has_left:
                worker.status = 0 if survives else SIGKILL
                fleet.exits.append(Exited(worker.number, 0, worker.status))
                world.tell(f"worker {worker.number} {'has left' if survives else 'is gone'}")

    def stop(self) -> None:
        """As the user asks."""
        self._world.tell("the user stops the job")
        self._apply(state.StopAsked())

    @property
    def where(self) -> str:
        """Where the job is, in a word; with all of its workers, where its checkpoints are."""
        if self._shell is None:
            return "restarting"
        phase = self._shell.job.phase
        if phase is state.Phase.RUNNING or (phase is state.Phase.STOPPING and self._is_complete):
            assert self._recovery.checkpoints is not None
            return self._recovery.checkpoints.phase if self._shell.job.outcome is None else "ending"
        if phase in (state.Phase.STARTING, state.Phase.STOPPING):
            return "starting"
        return "restarting" if phase is state.Phase.RESTARTING else "ending"

    @property
    def _is_complete(self) -> bool:
        assert self._shell is not None
        return self._shell.job.ready == self._shell.job.workers

    def start(self, missing: frozenset[WorkerId]) -> None:
        """See ``shell.Executions``."""
        self._fork(missing)

    def ready(self) -> None:
        """See ``shell.Executions``."""
        self._recovery.running(self._now_ms(), lambda command: self._fleet.tell(command, self._living()))

    def decide(self, cause: state.Cause) -> None:
        """See ``shell.Executions``."""
        self._recovery.abandon()
        decision = self._recovery.failed(self._now_ms())
        if isinstance(decision, GiveUp):
            self._apply(state.GiveUp(cause))
            return
        self._world.tell(f"the execution has failed: {_told(cause)}")
        self._loop.call_later(decision.delay_ms / 1000, self._restart)

    def conclude(self, outcome: state.Outcome) -> None:
        """See ``shell.Executions``."""
        self._recovery.abandon()
        self.outcome = outcome

    def _restart(self) -> None:
        if self._shell is None or self._shell.job.phase is not state.Phase.RESTARTING:
            return
        try:
            self._checkpointing = self._recovery.begin()
        except (SageError, OSError) as error:
            self._apply(state.GiveUp(StartFailure(str(error))))
        else:
            self._apply(state.Begin())

    def _fork(self, missing: frozenset[WorkerId]) -> None:
        if self._checkpointing is None:
            raise CheckpointError("a simulated job takes checkpoints: set checkpoint.interval")
        self.executions += 1
        self._on_restored(self._recovery.restored)
        while self._recovery.warnings:
            self._world.tell(self._recovery.warnings.pop(0))
        self._channels = SimulatedChannels(self._plan, self._world)
        for number in sorted(missing):
            self._fleet.workers[number] = SimulatedProcess(number, lambda: self._channels, self._disk, self._world)
        self._fleet.tell(Deploy(self._pickled, self._checkpointing), sorted(self._fleet.workers))
        self._recovery.follow()

    def _deliver(self, worker: SimulatedWorker) -> None:
        world, reports, where = self._world, worker.reports, f"worker {worker.number}"
        if world.now_ns < self._held_until_ns.get(worker.number, 0):
            return
        event = reports[0]
        if isinstance(event, SnapshotTaken) and event.checkpoint is not None:
            if world.strikes(Fault.ACKNOWLEDGEMENT_LOST, where):
                reports.popleft()
                return
            if world.strikes(Fault.ACKNOWLEDGEMENT_SLOW, where):
                self._held_until_ns[worker.number] = world.now_ns + SLOW_MS * 1_000_000
                return
            if world.strikes(Fault.ACKNOWLEDGEMENT_REPEATED, where):
                reports.appendleft(event)
        both = [each for each in islice(reports, 2) if isinstance(each, SnapshotTaken | SnapshotFailed)]
        if len(both) == 2 and world.strikes(Fault.ACKNOWLEDGEMENT_OVERTAKEN, where):
            reports[0], reports[1] = reports[1], reports[0]
        self._hear(worker)

    def _hear(self, worker: SimulatedWorker) -> None:
        event = worker.reports.popleft()
        if isinstance(event, SnapshotTaken | SnapshotFailed):
            assert self._recovery.checkpoints is not None
            self._recovery.checkpoints.on_report(event)
        else:
            assert self._shell is not None
            self._shell.on_report(worker.number, event)

    def _take_last(self, number: WorkerId) -> None:
        worker = self._fleet.workers[number]
        while worker.reports:
            self._hear(worker)

    def _apply(self, event: state.Event) -> None:
        assert self._shell is not None
        self._shell.apply(event)

    def _living(self) -> frozenset[WorkerId]:
        assert self._shell is not None
        return self._shell.job.living

    def _now_ms(self) -> int:
        return self._world.now_ns // 1_000_000


class _Unwritten:
    """The log of a simulated job: its story is told elsewhere."""

    def write(self, level: str, text: str) -> None:
        """Nothing."""


def _told(cause: state.Cause) -> str:
    match cause:
        case WorkerLoss(worker):
            return f"worker {worker} was lost"
        case StartFailure(message):
            return message
        case Failure(operator, type_name=type_name, message=message):
            return f"{operator}: {type_name}: {message}"
