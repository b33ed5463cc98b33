"""Simulated worker processes: the real tasks in the real duty cycle, with simulated rings around."""

import pickle
from array import array
from collections import deque
from collections.abc import Callable
from typing import Any

from sage_local.config import BUFFER_TIMEOUT_MS, FRAME_ROWS, INCREMENTAL
from sage_local.core.elements import Barrier, Columns, Rows
from sage_local.core.ids import ChannelId, TaskId, WorkerId
from sage_local.functions.shared import SharedObjects
from sage_local.plan.physical import Plan
from sage_local.runtime.channels.frame import Frame
from sage_local.runtime.channels.local import LocalChannel
from sage_local.runtime.codec.rows import decode, encode
from sage_local.runtime.job import Deployment
from sage_local.runtime.launcher.simulation.faults import Fault
from sage_local.runtime.launcher.simulation.storage import Disk, SimulatedStorage, SimulatedWriter
from sage_local.runtime.launcher.simulation.world import World
from sage_local.runtime.metrics.table import WorkerCounters, counter_count
from sage_local.runtime.protocol.messages import (
    Cancel,
    CheckpointComplete,
    Command,
    Deploy,
    Event,
    Exit,
    StandingBy,
    StopSources,
    SuspendSources,
    TaskFailed,
    TriggerCheckpoint,
    WorkerDone,
    WorkerReady,
)
from sage_local.runtime.protocol.snapshots import Checkpointing
from sage_local.runtime.worker.duty import DutyCycle
from sage_local.runtime.worker.failures import failure_of
from sage_local.runtime.worker.task import Task
from sage_local.runtime.worker.task_checkpoints import TaskCheckpoints
from sage_local.runtime.worker.wiring import Surroundings, tasks_of

STUCK_STEP_MS = 100
"""A worker that is stuck has no steps of its own, so time may go by."""
START_MS = 3
LATE_START_MS = 300
"""Time enough for other workers to have finished all of their tasks."""


class SimulatedRing(LocalChannel):
    """A channel between two workers: what passes is encoded and decoded, as in a ring."""

    is_local = False

    def send(self, frame: Frame) -> None:
        """By the codec."""
        element = frame.element
        if isinstance(element, Columns):
            # Most simulated jobs have no columns, and pyarrow takes its time to load.
            from sage_local.runtime.codec.columns import decode_stream, encode_stream

            element = Columns(decode_stream(encode_stream(element.values)))
        elif isinstance(element, Rows):
            rows = decode(encode(element))
            element = type(element)(rows.values, rows.keys, rows.timestamps)
        super().send(Frame(element, frame.ends_turn))


class SimulatedChannels:
    """All channels of one execution; they end with it."""

    def __init__(self, plan: Plan, world: World) -> None:
        self._plan = plan
        self._world = world
        self._channels: dict[ChannelId, LocalChannel] = {}

    def sender(self, channel: ChannelId) -> LocalChannel:
        """The channel itself."""
        if channel not in self._channels:
            sender, receiver = self._plan.ends(channel)
            kind = LocalChannel if sender == receiver else SimulatedRing
            self._channels[channel] = kind(
                timeout_ms=self._plan.settings[BUFFER_TIMEOUT_MS],
                max_rows=self._plan.settings[FRAME_ROWS],
                clock=self._world.clock,
            )
        return self._channels[channel]

    receiver = sender


class SimulatedWorker:
    """What ``worker.main.Worker`` does, without a process. ``Crash`` comes out where it dies.

    It starts at a moment of its own; commands and channels wait for it meanwhile, as they do in segments. ``channels``
    are those of the execution at hand.
    """

    def __init__(self, number: WorkerId, channels: Callable[[], SimulatedChannels], disk: Disk, world: World) -> None:
        self.number = number
        self.commands: deque[Command] = deque()
        self.reports: deque[Event] = deque()
        self.has_left = False
        self._channels = channels
        self._world = world
        self._storage = SimulatedStorage(disk, is_coordinators=False)
        self._writer = SimulatedWriter(self._storage, world)
        self._shared = SharedObjects()
        late = world.strikes(Fault.WORKER_STARTS_LATE, f"worker {number}")
        self._starts_at_ns = world.now_ns + int(world.random.uniform(0, LATE_START_MS if late else START_MS) * 1e6)
        self._has_started = False
        self._has_failed = False
        self._is_stuck = False
        self._duty: DutyCycle | None = None
        self._tasks: list[Task] = []

    def act(self) -> None:
        """Obey, work or write: one of them."""
        world = self._world
        world.may_crash(Fault.WORKER_DIES, f"worker {self.number}")
        if not self._has_started:
            self._start()
            return
        if self._is_stuck:
            world.pass_time(STUCK_STEP_MS)
            return
        chance = world.random.random()
        if chance < 0.3 and self.commands:
            self._obey(self.commands.popleft())
        elif chance < 0.6:
            self._writer.work()
        elif self._duty is not None:
            if self._tasks and world.strikes(Fault.USER_CODE_FAILS, f"worker {self.number}"):
                world.random.choice(self._tasks).step = _raises  # type: ignore[method-assign]  # of user code in it
            self._duty.round()
            self._writer.poll()

    def _start(self) -> None:
        if self._world.now_ns >= self._starts_at_ns:
            self._has_started = True
            self._report(WorkerReady(self.number, 0))

    def _obey(self, command: Command) -> None:
        told = type(command).__name__ if isinstance(command, Deploy) else command
        self._world.tell(f"worker {self.number} obeys {told}")
        duty = self._duty
        match command:
            case Deploy(deployment, checkpointing):
                assert checkpointing is not None
                self._deploy(deployment, checkpointing)
            case Cancel() if self._world.strikes(Fault.WORKER_IS_STUCK, f"worker {self.number}"):
                self._is_stuck = True
            case Cancel(completed):
                if duty is not None and completed is not None:
                    duty.abandon(completed)
                self._stand_by()
            case Exit():
                self.has_left = True
            case CheckpointComplete(checkpoint, is_final):
                if duty is not None:
                    duty.complete(checkpoint)
                if is_final and not self._has_failed:
                    self._close()
                    self._report(WorkerDone(self.number))
            case TriggerCheckpoint(checkpoint, is_last) if duty is not None:
                duty.trigger(Barrier(checkpoint, is_last))
            case SuspendSources() if duty is not None:
                duty.suspend_sources()
            case StopSources(drain) if duty is not None:
                duty.stop_sources(drain=drain)

    def _deploy(self, pickled: bytes, checkpointing: Checkpointing) -> None:
        world = self._world
        world.may_crash(Fault.WORKER_DIES_AT_RESTORE, f"worker {self.number}")
        deployment: Deployment = pickle.loads(pickled)
        plan = deployment.plan
        cells = array("q", bytes(8 * counter_count(plan, self.number)))

        def of_task(task: TaskId, parts: list[tuple[str, Any]]) -> TaskCheckpoints:
            return TaskCheckpoints(
                task,
                parts,
                attempt=checkpointing.attempt,
                incremental=plan.settings[INCREMENTAL],
                restore=checkpointing.restore.get(task),
                storage=self._storage,
                writer=self._writer,
                report=self._report,
                # A piece at a time, so that records come in between wherever they can.
                slice_ns=0,
            )

        around = Surroundings(
            self._channels(),
            cells,
            _no_collect,
            lambda: None,
            self._shared,
            lambda text: None,
            clock=world.clock,
            wall=world,
            checkpoints=of_task,
        )
        self._tasks = tasks_of(plan, self.number, around)
        counters = WorkerCounters(cells, world.clock)
        self._duty = DutyCycle(self._tasks, counters, on_failed=self._failed, on_finished=lambda task: None)
        self._duty.open()
        world.may_crash(Fault.WORKER_DIES_AT_RESTORE, f"worker {self.number}")

    def _stand_by(self) -> None:
        self._close()
        self._writer = SimulatedWriter(self._storage, self._world, before=self._writer)
        self._has_failed = False
        self._report(StandingBy(self.number))

    def _close(self) -> None:
        if self._duty is not None:
            self._duty.close()
            self._duty = None

    def _failed(self, task: Task, error: BaseException) -> None:
        self._has_failed = True
        self._report(TaskFailed(task.context.task, failure_of(task, error)))

    def _report(self, event: Event) -> None:
        if not self._world.is_dying:
            self.reports.append(event)


def _raises() -> bool:
    raise ValueError("simulated")


def _no_collect(operator: str) -> Any:
    raise ValueError(f"a simulated job ends in its store, found the Collect operator {operator!r}")
