"""One coordinator at work: the job's shell, the caller, the control socket, and the replies that go to them."""

import os
import signal
import socket
from asyncio import AbstractEventLoop
from collections.abc import Callable
from time import monotonic_ns

from sage_local.config import LOG_LEVEL
from sage_local.core.ids import WorkerId
from sage_local.errors import InternalError, SageError
from sage_local.runtime.control.framing import FrameDecoder
from sage_local.runtime.control.processes import peer_pid
from sage_local.runtime.control.run_directory import RunDirectory
from sage_local.runtime.coordinator.client import Client
from sage_local.runtime.coordinator.explanations import Explanations
from sage_local.runtime.coordinator.fleet import Fleet
from sage_local.runtime.coordinator.held import HeldRecords
from sage_local.runtime.coordinator.log import JobLog
from sage_local.runtime.coordinator.output import OutputPipes
from sage_local.runtime.coordinator.progress import ProgressMeter
from sage_local.runtime.coordinator.recovery import Recovery
from sage_local.runtime.coordinator.reports import Reports
from sage_local.runtime.coordinator.shell import JobShell
from sage_local.runtime.coordinator.start import restart_workers
from sage_local.runtime.coordinator.zygote_link import ZygoteLink
from sage_local.runtime.job import left_out
from sage_local.runtime.protocol import job_state as state
from sage_local.runtime.protocol.client_messages import (
    AskProgress,
    AskStatus,
    AskWindows,
    CancelJob,
    CollectedFrame,
    Conclusion,
    JobCancelled,
    JobFailed,
    JobFinished,
    JobStatus,
    Output,
    ProgressReport,
    Request,
    StartFailure,
    StopJob,
    Submission,
    WindowReport,
    WorkerLoss,
)
from sage_local.runtime.protocol.messages import (
    Collected,
    CollectedUpTo,
    Command,
    Event,
    Failure,
    SnapshotFailed,
    SnapshotTaken,
    Warned,
    WindowsExplained,
)
from sage_local.runtime.protocol.restarts import GiveUp
from sage_local.runtime.protocol.snapshots import Checkpointing

PROGRESS_INTERVAL_S = 0.4
_ANSWERING = (state.Phase.STARTING, state.Phase.RUNNING, state.Phase.STOPPING)
"""The phases in which workers obey."""
LONG_STOP_S = 3.0
"""Then somebody who has pressed Ctrl-C wonders."""
LOG_AFTER_S = 1.0
"""Then the log file is opened: most jobs in a shell or a test are over before."""


class Service:
    """Lives as long as its job. ``run`` ends the loop when the caller has been told how the job ended."""

    def __init__(
        self,
        loop: AbstractEventLoop,
        submission: Submission,
        directory: RunDirectory,
        fleet: Fleet,
        zygote: ZygoteLink,
        caller: socket.socket,
        decoder: FrameDecoder,
        recovery: Recovery,
    ) -> None:
        self._loop = loop
        self._submission = submission
        self._directory = directory
        self._fleet = fleet
        self._log = JobLog(directory.log_dir, submission.plan.settings[LOG_LEVEL].value)
        self._meter = ProgressMeter(fleet, monotonic_ns)
        self._clients: set[Client] = set()
        self._conclusion_sent = False
        self._warned: set[str] = set()
        self._zygote = zygote
        self._recovery = recovery
        self._held = HeldRecords(self._give, holds=recovery.may_repeat)
        self._checkpointing: Checkpointing | None = None
        recovery.serve(loop, warn=self._warn, on_complete=self._held.complete, on_impossible=self._give_up)
        self._reports = Reports(loop, fleet, on_event=self._on_report, may_take=self._may_take)
        self._shell = JobShell(
            loop,
            fleet,
            zygote,
            self._log,
            take_last=self._reports.take_last,
            executions=self,
            may_restart=recovery.may_restart,
            checkpoints=recovery if recovery.checkpoints is not None else None,
        )
        self._explanations = Explanations(loop, submission.plan, submission.kinds, self._worker_in_words)
        self._pipes = OutputPipes(self._forward)
        self._caller_client = self._client(caller, decoder, self._caller_gone)

    def run(self, caller: socket.socket, pipes: list[tuple[int, int]], listener: socket.socket) -> None:
        """Until the job is over. ``pipes``: standard output and error of every worker."""
        self._watch_caller(caller)
        self._log_refused_binding()
        self._begin(pipes)
        self._shell.start()
        self._reports.start()
        if not self._submission.attached:
            # `kill`, or the end of the machine: nobody else decides what it means.
            self._loop.add_signal_handler(signal.SIGTERM, self._stop)
        listener.setblocking(False)
        self._loop.add_reader(listener.fileno(), self._accept, listener)
        self._loop.call_later(LOG_AFTER_S, self._log.open)
        if self._submission.wants_progress:
            self._loop.call_later(PROGRESS_INTERVAL_S, self._report_progress)
        self._loop.run_forever()

    def _begin(self, pipes: list[tuple[int, int]]) -> None:
        """Follow an execution whose workers are on their way."""
        for stdout, stderr in pipes:
            self._pipes.add(stdout, stderr)
        self._pipes.resume(self._loop)
        while self._recovery.warnings:
            self._warn(self._recovery.warnings.pop(0))
        self._recovery.follow()

    def _client(
        self, connection: socket.socket, decoder: FrameDecoder | None, on_gone: Callable[[Client], None]
    ) -> Client:
        client = Client(
            self._loop,
            connection,
            on_request=self._on_request,
            on_gone=on_gone,
            on_drained=self._drained,
            decoder=decoder,
        )
        self._clients.add(client)
        return client

    def _accept(self, listener: socket.socket) -> None:
        try:
            connection, _ = listener.accept()
        except BlockingIOError:
            return
        self._client(connection, None, self._clients.discard)

    def _watch_caller(self, caller: socket.socket) -> None:
        """Its socket alone does not tell of its death: a child that it forked may hold it open."""
        pid = peer_pid(caller)
        try:
            pidfd = os.pidfd_open(pid)
        except ProcessLookupError:
            self._caller_gone(self._caller_client)
            return
        self._loop.add_reader(pidfd, self._caller_died, pidfd)

    def _log_refused_binding(self) -> None:
        """Some container profiles refuse ``mbind``: memory may lie on another node than its worker then."""
        for worker in self._fleet.workers.values():
            if worker.segment.mbind_errno:
                reason = os.strerror(worker.segment.mbind_errno)
                self._log.write("WARNING", f"memory of worker {worker.id} could not be bound to its node: {reason}")

    def _caller_died(self, pidfd: int) -> None:
        self._loop.remove_reader(pidfd)
        os.close(pidfd)
        client = self._caller_client
        if client.is_open:
            client.close()
            self._caller_gone(client)

    def _caller_gone(self, client: Client) -> None:
        self._clients.discard(client)
        if self._conclusion_sent:
            self._loop.stop()
            return
        self._log.write("INFO", "the caller is gone")
        if self._submission.attached:
            self._shell.apply(state.CallerGone())

    def _on_request(self, client: Client, request: Request) -> None:
        match request:
            case StopJob(drain):
                self._stop(drain=drain)
            case CancelJob():
                self._shell.apply(state.CancelAsked())
            case AskProgress():
                client.send(ProgressReport(self._meter.look(), asked=True))
            case AskStatus():
                client.send(self._status())
            case AskWindows():
                self._explain(client, request)
            case _:
                self._log.write("WARNING", f"a client asked for {type(request).__name__}, which is nothing we do")
                client.close()
                self._clients.discard(client)

    def _stop(self, *, drain: bool = False) -> None:
        self._shell.apply(state.StopAsked(drain))
        self._loop.call_later(LONG_STOP_S, self._tell_what_is_waited_for)

    def _tell_what_is_waited_for(self) -> None:
        if self._shell.job.phase is not state.Phase.STOPPING:
            return
        calls = " and ".join(
            f"operator {call.operator!r} (subtask {call.subtask + 1}), in one call for {call.duration_s:.0f} s"
            for call in self._meter.calls(longer_than_s=LONG_STOP_S / 2)
        )
        self._warn(
            f"the job is stopping and waits for {calls or 'what is in flight'}; a second Ctrl-C, or"
            f" `sage stop --now {self._directory.path.name}`, ends it at once"
        )

    def _explain(self, client: Client, asked: AskWindows) -> None:
        if self._shell.job.phase not in _ANSWERING:
            client.send(WindowReport(asked.question, None, f"no worker can be asked: the job is {self._phase()}"))
            return
        command = self._explanations.ask(client, asked, self._shell.job.living)
        if command is not None:
            self._tell(command)

    def _worker_in_words(self, worker: WorkerId) -> str:
        each = self._fleet.workers[worker]
        pid = "" if each.process is None else f" (pid {each.process.pid})"
        return f"worker {worker}{pid} with {', '.join(map(repr, each.operators))}: `sage stack` shows what it is in"

    def _status(self) -> JobStatus:
        pids = {each.id: each.process.pid for each in self._fleet.workers.values() if each.process is not None}
        plan = self._fleet.plan
        return JobStatus(self._directory.path.name, plan.job_name, self._phase(), os.getpid(), pids, self._meter.look())

    def _phase(self) -> str:
        return self._shell.job.phase.value

    def _on_report(self, worker: WorkerId, event: Event) -> None:
        match event:
            case Collected(operator, frame):
                self._held.take(operator, frame)
            case CollectedUpTo(operator, checkpoint):
                self._held.barrier(operator, checkpoint)
            case Warned(text) if text not in self._warned:
                self._warned.add(text)
                self._warn(text)
            case Warned():
                pass
            case WindowsExplained():
                self._explanations.take(event)
            case SnapshotTaken() | SnapshotFailed():
                if self._recovery.checkpoints is not None:
                    self._recovery.checkpoints.on_report(event)
            case _:
                self._shell.on_report(worker, event)

    def _tell(self, command: Command) -> None:
        self._fleet.tell(command, self._shell.job.living)

    def _give(self, operator: str, frame: bytes) -> None:
        self._caller_client.send(CollectedFrame(operator, frame))

    def _warn(self, text: str) -> None:
        self._log.write("WARNING", text)
        self._forward(2, f"sage: {text}\n".encode())

    def _tell_left_out(self) -> None:
        """Of the execution that ends: the next one counts anew."""
        for line in left_out(self._meter.results()):
            self._warn(line)

    def _give_up(self, reason: str) -> None:
        self._shell.apply(state.Failed(StartFailure(reason)))

    def _forward(self, stream: int, data: bytes) -> None:
        if self._caller_client.is_open:
            self._caller_client.send(Output(stream, data))
            if self._caller_client.congested:
                self._pipes.pause()
        else:
            # The caller of a detached job has left: nothing it printed is lost, it is in the job's logs while the job
            # lives.
            self._log.keep_output(stream, data)

    def _may_take(self) -> bool:
        return not self._caller_client.congested

    def _drained(self) -> None:
        if self._conclusion_sent:
            self._leave_when_told()
        else:
            self._pipes.resume(self._loop)
            self._reports.take()

    def _report_progress(self) -> None:
        if not self._caller_client.congested:
            self._caller_client.send(ProgressReport(self._meter.look()))
        self._loop.call_later(PROGRESS_INTERVAL_S, self._report_progress)

    def decide(self, cause: state.Cause) -> None:
        """See ``Executions``: the restart strategy does."""
        self._explanations.end()
        self._recovery.abandon()
        decision = self._recovery.failed(monotonic_ns() // 1_000_000)
        if isinstance(decision, GiveUp):
            self._warn(f"the job is not restarted: {decision.reason}")
            self._shell.apply(state.GiveUp(cause))
            return
        self._held.drop()
        self._warn(f"{told(cause)}: restart {decision.number} in {decision.delay_ms / 1000:g} s")
        self._loop.call_later(decision.delay_ms / 1000, self._restart)

    def _restart(self) -> None:
        if self._shell.job.phase is not state.Phase.RESTARTING:
            # Someone has asked for the end meanwhile.
            return
        try:
            self._checkpointing = self._recovery.begin()
        except (SageError, OSError) as error:
            self._shell.apply(state.GiveUp(StartFailure(f"the job could not be restored: {error}")))
        else:
            self._shell.apply(state.Begin())

    def start(self, missing: frozenset[WorkerId]) -> None:
        """See ``Executions``."""
        generation = self._shell.job.generation
        self._tell_left_out()
        self._meter.restart()
        pipes = restart_workers(self._fleet, missing, self._submission, self._zygote, self._checkpointing, generation)
        self._begin(pipes)

    def ready(self) -> None:
        """See ``Executions``: checkpoints may begin."""
        self._recovery.running(monotonic_ns() // 1_000_000, self._tell)

    def conclude(self, outcome: state.Outcome) -> None:
        """See ``Executions``: forward the last words of the workers, leave no file, and only then tell."""
        self._reports.stop()
        self._explanations.end()
        self._pipes.close()
        self._tell_left_out()
        self._recovery.abandon()
        if outcome.phase is state.Phase.FINISHED:
            self._held.release()
        conclusion = self._conclusion(outcome)
        if isinstance(conclusion, JobFailed):
            self._log.save()
            self._directory.keep_logs()
        else:
            self._log.close()
            self._directory.remove()
        self._conclusion_sent = True
        for client in tuple(self._clients):
            client.send(conclusion)
        self._leave_when_told()

    def _conclusion(self, outcome: state.Outcome) -> Conclusion:
        progress = self._meter.look()
        if outcome.phase is state.Phase.FINISHED:
            checkpoints = self._recovery.checkpoints
            completed, given_up = (0, 0) if checkpoints is None else (checkpoints.completed, checkpoints.given_up)
            return JobFinished(progress, completed, self._recovery.number, given_up)
        if outcome.phase is state.Phase.CANCELLED:
            return JobCancelled(progress)
        if outcome.cause is None:
            raise InternalError(f"job {self._directory.path.name} failed without a cause")
        return JobFailed(outcome.cause, str(self._directory.log_dir), progress)

    def _leave_when_told(self) -> None:
        """The caller may take its time to read; a command on the control socket is not waited for."""
        if self._caller_client.drained:
            self._loop.stop()


def told(cause: state.Cause) -> str:
    """A failure in a few words, for the line that says what is done about it."""
    match cause:
        case Failure():
            return f"operator {cause.operator!r} failed ({cause.type_name}: {cause.message})"
        case WorkerLoss(worker, _, int(number), _):
            return f"worker {worker} was lost (signal {number})"
        case WorkerLoss(worker):
            return f"worker {worker} was lost"
        case StartFailure(message):
            return message
