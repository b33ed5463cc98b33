"""Simulated worker processes: the real tasks in the real duty cycle, with simulated rings around."""

import pickle
from array import array
from collections import deque
from typing import Any

from sage_local.config import BUFFER_TIMEOUT_MS, FRAME_ROWS, INCREMENTAL
from sage_local.core.elements import Barrier, Rows
from sage_local.core.ids import ChannelId, TaskId, WorkerId
from sage_local.functions.shared import SharedObjects
from sage_local.plan.physical import Plan
from sage_local.runtime.channels.frame import Frame
from sage_local.runtime.channels.local import LocalChannel
from sage_local.runtime.checkpoint.storage import Storage
from sage_local.runtime.codec.rows import decode, encode
from sage_local.runtime.job import Deployment
from sage_local.runtime.launcher.simulation.faults import Fault
from sage_local.runtime.launcher.simulation.world import World
from sage_local.runtime.metrics.table import WorkerCounters, counter_count
from sage_local.runtime.protocol.messages import (
    Cancel,
    CheckpointComplete,
    Command,
    Event,
    SuspendSources,
    TaskFailed,
    TriggerCheckpoint,
    WorkerDone,
)
from sage_local.runtime.protocol.snapshots import Checkpointing
from sage_local.runtime.worker.duty import DutyCycle
from sage_local.runtime.worker.failures import failure_of
from sage_local.runtime.worker.snapshot_writer import DirectWriter
from sage_local.runtime.worker.task import Task
from sage_local.runtime.worker.task_checkpoints import TaskCheckpoints
from sage_local.runtime.worker.wiring import Surroundings, tasks_of


class SimulatedRing(LocalChannel):
    """A channel between two workers: what passes is encoded and decoded, as in a ring."""

    is_local = False

    def send(self, frame: Frame) -> None:
        """By the codec."""
        if isinstance(frame.element, Rows):
            frame = Frame(decode(encode(frame.element)), frame.ends_turn)
        super().send(frame)


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
    """What ``worker.main.Worker`` does with commands, without a process. ``Crash`` comes out where it dies."""

    def __init__(
        self,
        number: WorkerId,
        pickled: bytes,
        checkpointing: Checkpointing,
        channels: SimulatedChannels,
        storage: Storage,
        world: World,
    ) -> None:
        self.number = number
        self.commands: deque[Command] = deque()
        self.reports: deque[Event] = deque()
        self.is_done = False
        self._checkpointing = checkpointing
        self._storage = storage
        self._world = world
        self._writer = DirectWriter(storage)
        deployment: Deployment = pickle.loads(pickled)
        self._incremental = deployment.plan.settings[INCREMENTAL]
        cells = array("q", bytes(8 * counter_count(deployment.plan, number)))
        around = Surroundings(
            channels,
            cells,
            _no_collect,
            lambda: None,
            SharedObjects(),
            clock=world.clock,
            checkpoints=self._task_checkpoints,
        )
        self._tasks = tasks = tasks_of(deployment.plan, number, around)
        counters = WorkerCounters(cells, world.clock)
        self._duty = DutyCycle(tasks, counters, on_failed=self._failed, on_finished=lambda task: None)

    def open(self) -> None:
        """Restore and open every task."""
        self._world.may_crash(Fault.WORKER_DIES_AT_RESTORE, f"worker {self.number}")
        self._duty.open()
        self._world.may_crash(Fault.WORKER_DIES_AT_RESTORE, f"worker {self.number}")

    def round(self) -> None:
        """One round of the duty cycle."""
        self._world.may_crash(Fault.WORKER_DIES, f"worker {self.number}")
        if not self.is_done:
            if self._world.strikes(Fault.USER_CODE_FAILS, f"worker {self.number}"):
                self._failed(self._tasks[0], ValueError("simulated"))
            self._duty.round()
            self._writer.poll()

    def obey(self) -> None:
        """The next command."""
        command = self.commands.popleft()
        self._world.tell(f"worker {self.number} obeys {command}")
        match command:
            case TriggerCheckpoint(checkpoint, is_last):
                self._duty.trigger(Barrier(checkpoint, is_last))
            case SuspendSources():
                self._duty.suspend_sources()
            case CheckpointComplete(checkpoint, is_final):
                self._duty.complete(checkpoint)
                if is_final:
                    self._leave()
            case Cancel(completed):
                if completed is not None:
                    self._duty.abandon(completed)
                self._leave()

    def _leave(self) -> None:
        self._duty.close()
        self.is_done = True
        self.reports.append(WorkerDone(self.number))

    def _failed(self, task: Task, error: BaseException) -> None:
        self.reports.append(TaskFailed(task.context.task, failure_of(task, error)))

    def _task_checkpoints(self, task: TaskId, parts: list[tuple[str, Any]]) -> TaskCheckpoints:
        return TaskCheckpoints(
            task,
            parts,
            attempt=self._checkpointing.attempt,
            incremental=self._incremental,
            restore=self._checkpointing.restore.get(task),
            storage=self._storage,
            writer=self._writer,
            report=self.reports.append,
        )


def _no_collect(operator: str) -> Any:
    raise ValueError(f"a simulated job ends in its store, found the Collect operator {operator!r}")
