"""The life of a worker process: attach, wait for a job, run it, report, leave."""

import errno
import faulthandler
import gc
import os
import pickle
import resource
import signal
import sys
from time import monotonic_ns
from typing import Any, TextIO

from sage_local.config import BUFFER_TIMEOUT_MS, FRAME_ROWS, INCREMENTAL
from sage_local.core.elements import Barrier
from sage_local.core.ids import TaskId, WorkerId
from sage_local.functions.shared import SharedObjects
from sage_local.plan.physical import Plan
from sage_local.runtime.channels.rings import Mappings, WorkerChannels
from sage_local.runtime.channels.waiting import LONGEST_SLEEP_S, Peers, Rest
from sage_local.runtime.checkpoint.storage import open_storage
from sage_local.runtime.control.endpoint import ControlReceiver, ControlSender
from sage_local.runtime.job import Deployment, WorkerBoot
from sage_local.runtime.memory import segment as memory
from sage_local.runtime.memory.layout import command_ring, counted_operators, lay_out, report_ring
from sage_local.runtime.metrics.table import WorkerCounter, WorkerCounters
from sage_local.runtime.protocol.explanations import OriginTime, SubtaskWindows
from sage_local.runtime.protocol.messages import (
    COORDINATOR,
    Cancel,
    CheckpointComplete,
    Deploy,
    Exit,
    ExplainWindows,
    StandingBy,
    StopSources,
    SuspendSources,
    TaskFailed,
    TaskFinished,
    TriggerCheckpoint,
    Warned,
    WindowsExplained,
    WorkerDone,
    WorkerFailed,
    WorkerReady,
)
from sage_local.runtime.protocol.snapshots import Checkpointing
from sage_local.runtime.worker import forks
from sage_local.runtime.worker.collecting import CollectOutput
from sage_local.runtime.worker.duty import DutyCycle
from sage_local.runtime.worker.failures import failure_of
from sage_local.runtime.worker.output import StandardOutput
from sage_local.runtime.worker.snapshot_writer import ThreadedWriter
from sage_local.runtime.worker.task import Task
from sage_local.runtime.worker.task_checkpoints import TaskCheckpoints
from sage_local.runtime.worker.wiring import Checkpoints, Surroundings, tasks_of


def run(boot: WorkerBoot) -> int:
    """Serve the coordinator until it says ``Exit``; returns the exit code, 0.

    The process is the worker's alone by now: pinned, its output redirected, set to die with its parent. What is raised
    here is the engine's own fault.
    """
    # A stuck worker's stack can be read with a signal, whatever it is stuck in.
    with _stack_file(boot) as stacks:
        faulthandler.register(signal.SIGUSR1, file=stacks, all_threads=True, chain=False)
        try:
            worker = Worker(boot)
            forks.guard(lambda: worker.operators)
            worker.run()
        finally:
            faulthandler.unregister(signal.SIGUSR1)
    return 0


def _stack_file(boot: WorkerBoot) -> TextIO:
    try:
        return open(os.path.join(boot.log_dir, f"stack-{boot.worker}.txt"), "w")
    except FileNotFoundError:
        # The run directory was tidied away, and with it the socket by which anybody could ask. The job outlives it.
        return open(os.devnull, "w")


class Worker:
    """One worker process."""

    def __init__(self, boot: WorkerBoot) -> None:
        self.operators: tuple[str, ...] = ()
        """Names of those whose functions run here; none before it is deployed."""
        self._boot = boot
        self._peers = Peers()
        self._output = StandardOutput(monotonic_ns)
        self._mappings = Mappings(boot.segment_fds, self._peers)
        self._segment = self._mappings.segment(boot.worker)
        self._bell = memory.doorbell(self._segment)
        coordinator = self._mappings.segment(COORDINATOR)
        ring_coordinator = self._peers.toucher(memory.doorbell(coordinator, boot.coordinator_eventfd))
        self._reports = ControlSender(memory.ring_writer(coordinator, report_ring(boot.worker)), ring_coordinator)
        self._command_reader = memory.ring_reader(self._segment, command_ring())
        self._commands = ControlReceiver(self._command_reader, ring_coordinator)
        self._rest = self._rest_between_executions()
        self._shared = SharedObjects()
        self._main_classes: dict[str, type] = {}
        self._has_settled = False
        self._duty: DutyCycle | None = None
        self._counters: WorkerCounters | None = None
        self._is_leaving = False
        self._has_failed = False
        self._is_stuck = False
        self._writer: ThreadedWriter | None = None

    def run(self) -> None:
        """Until ``Exit``, through as many executions as the process lives to see."""
        try:
            self._serve()
        except OSError as error:
            if error.errno != errno.EBADF:
                raise
            # One of ours: what user code itself runs into is its operator's failure. Shared memory still takes a word.
            self._fail(
                f"can not go on: user code in its process (operators {', '.join(map(repr, self.operators))}) closed"
                f" descriptors that it had not opened, as os.closerange() does ({error})"
            )

    def _serve(self) -> None:
        self._reports.send(WorkerReady(self._boot.worker, os.getpid()))
        while not (self._is_leaving and self._reports.idle):
            if not self._round():
                self._rest.until(self._round, self._timeout_s, self._before_sleep)
        self._close()
        self._output.flush()
        self._peers.notify()

    def _round(self) -> bool:
        """Everything once: commands, tasks, reports, bells. Whether anything got on."""
        moved = self._obey()
        if self._duty is not None:
            moved = self._duty.round() or moved
            self._report_when_done()
        if self._writer is not None:
            moved = self._writer.poll() or moved
        if not self._reports.idle:
            moved = self._reports.flush() or moved
        self._output.tick()
        self._peers.notify()
        return moved

    def _obey(self) -> bool:
        command = self._commands.receive()
        match command:
            case None:
                return False
            case Deploy(deployment, checkpointing):
                self._deploy(deployment, checkpointing)
            case StopSources(drain):
                if self._duty is not None:
                    self._duty.stop_sources(drain=drain)
            case TriggerCheckpoint(checkpoint, is_last):
                if self._duty is not None:
                    self._duty.trigger(Barrier(checkpoint, is_last))
            case SuspendSources():
                if self._duty is not None:
                    self._duty.suspend_sources()
            case CheckpointComplete(checkpoint, is_final):
                self._complete(checkpoint, is_final)
            case Cancel(completed):
                if self._duty is not None and completed is not None:
                    self._duty.abandon(completed)
                self._stand_by()
            case ExplainWindows():
                self._explain(command)
            case Exit():
                self._is_leaving = True
            case _:
                raise TypeError(f"a worker obeys commands, found {type(command).__name__}")
        return True

    def _complete(self, checkpoint: int, is_final: bool) -> None:
        if self._duty is not None:
            self._duty.complete(checkpoint)
        if is_final and not self._has_failed:
            self._close()
            self._output.flush()
            self._reports.send(WorkerDone(self._boot.worker))

    def _deploy(self, pickled: bytes, checkpointing: Checkpointing | None) -> None:
        try:
            deployment: Deployment = pickle.loads(pickled)
        except Exception as error:
            # Loading runs the user's modules and constructors, which may raise anything: the caller is told.
            self._fail(f"could not load the job: {type(error).__name__}: {error}")
            return
        # Instances of these pickle by reference: in this job's processes `__main__` means the caller's.
        self._main_classes = deployment.main_classes
        vars(sys.modules["__main__"]).update(deployment.main_classes)
        plan, worker = deployment.plan, self._boot.worker
        layouts = lay_out(plan)
        own = layouts[worker]
        cells = self._segment.view(own.counters_offset, 8 * own.counters_count).cast("q")
        channels = WorkerChannels(plan, worker, layouts, self._mappings)
        around = Surroundings(
            channels,
            cells,
            lambda name: CollectOutput(
                name,
                self._reports,
                timeout_ms=plan.settings[BUFFER_TIMEOUT_MS],
                max_rows=plan.settings[FRAME_ROWS],
            ),
            self._bell.notify,
            self._shared,
            lambda text: self._reports.send(Warned(text)),
            checkpoints=None
            if checkpointing is None
            else self._checkpoints(checkpointing, incremental=plan.settings[INCREMENTAL]),
        )
        tasks = tasks_of(plan, worker, around)
        if not self._has_settled:
            self._has_settled = True
            self._close_descriptors()
            self.operators = _operators(plan, worker)
        self._rest = Rest(
            self._bell, self._command_reader, channels.receivers, channels.senders, may_spin=self._boot.may_spin
        )
        self._counters = WorkerCounters(cells, monotonic_ns)
        self._duty = DutyCycle(tasks, self._counters, on_failed=self._failed, on_finished=self._finished)
        self._duty.open()

    def _checkpoints(self, checkpointing: Checkpointing, *, incremental: bool) -> Checkpoints:
        storage, restored_from = open_storage(checkpointing.location), open_storage(checkpointing.restore_location)
        writer = self._writer = ThreadedWriter(storage, self._bell.notify)

        def of_task(task: TaskId, parts: list[tuple[str, Any]]) -> TaskCheckpoints:
            return TaskCheckpoints(
                task,
                parts,
                attempt=checkpointing.attempt,
                incremental=incremental,
                restore=checkpointing.restore.get(task),
                storage=restored_from,
                writer=writer,
                report=self._reports.send,
            )

        return of_task

    def _explain(self, question: ExplainWindows) -> None:
        windows: tuple[SubtaskWindows, ...] = ()
        origins: tuple[OriginTime, ...] = ()
        problem = None
        if self._duty is not None:
            try:
                windows, origins = self._duty.explain(question)
            except Exception as error:
                # Keys are the user's own, loaded and compared here: what they raise is for who asked, not for the job.
                problem = f"{type(error).__name__}: {error}"
        self._reports.send(WindowsExplained(self._boot.worker, question.question, windows, origins, problem))

    def _fail(self, reason: str) -> None:
        self._reports.send(WorkerFailed(self._boot.worker, reason))

    def _failed(self, task: Task, error: BaseException) -> None:
        self._has_failed = True
        self._reports.send(TaskFailed(task.context.task, failure_of(task, error)))

    def _finished(self, task: Task) -> None:
        self._reports.send(TaskFinished(task.context.task))

    def _stand_by(self) -> None:
        """Let go of the execution: what is left is the process, its modules and what was loaded as shared."""
        self._close()
        if self._is_stuck:
            # A source's thread may hold anything of the execution that it belongs to. A new process holds nothing.
            self._is_leaving = True
            return
        if self._writer is not None:
            self._writer.close()
            self._writer = None
        self._counters = None
        self._has_failed = False
        self._rest = self._rest_between_executions()
        for name in self._main_classes:
            vars(sys.modules["__main__"]).pop(name, None)
        self._main_classes = {}
        # Tasks are cycles with all their state in them, and the next ones are about to load as much again.
        gc.collect()
        self._output.flush()
        self._reports.send(StandingBy(self._boot.worker))

    def _rest_between_executions(self) -> Rest:
        return Rest(self._bell, self._command_reader, (), (), may_spin=self._boot.may_spin)

    def _report_when_done(self) -> None:
        # With checkpoints the last one says when all is done: until then sinks may have something to commit.
        if self._duty is not None and self._duty.is_done and self._writer is None:
            self._close()
            # What was printed is the caller's before it hears that the job has finished.
            self._output.flush()
            self._reports.send(WorkerDone(self._boot.worker))

    def _close(self) -> None:
        if self._duty is not None:
            self._duty.close()
            self._is_stuck = self._is_stuck or self._duty.is_stuck
            self._duty = None

    def _timeout_s(self) -> float:
        timer_ns = None if self._duty is None else self._duty.next_timer_ns()
        return LONGEST_SLEEP_S if timer_ns is None else max(timer_ns - monotonic_ns(), 0) / 1e9

    def _before_sleep(self) -> None:
        self._output.flush()
        if self._counters is not None:
            self._counters.add(WorkerCounter.SLEEPS)

    def _close_descriptors(self) -> None:
        """The mappings stay. User code, and what it starts, sees none of our descriptors, and its own limit of them."""
        for descriptor in self._boot.segment_fds.values():
            os.close(descriptor)
        _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (self._boot.open_files, most))


def _operators(plan: Plan, worker: WorkerId) -> tuple[str, ...]:
    return tuple(plan.chains[task.chain].operators[index].name for task, index in counted_operators(plan, worker))
