"""One coordinator at work: the job's shell, the caller, the control socket, and the replies that go to them."""

import os
import socket
import struct
from asyncio import AbstractEventLoop
from collections.abc import Callable
from time import monotonic_ns

from sage_local.config import LOG_LEVEL
from sage_local.core.ids import WorkerId
from sage_local.errors import InternalError
from sage_local.runtime.control.framing import FrameDecoder
from sage_local.runtime.control.run_directory import RunDirectory
from sage_local.runtime.coordinator.client import Client
from sage_local.runtime.coordinator.fleet import Fleet
from sage_local.runtime.coordinator.log import JobLog
from sage_local.runtime.coordinator.output import OutputPipes
from sage_local.runtime.coordinator.progress import ProgressMeter
from sage_local.runtime.coordinator.reports import Reports
from sage_local.runtime.coordinator.shell import JobShell
from sage_local.runtime.coordinator.zygote_link import ZygoteLink
from sage_local.runtime.protocol import job_state as state
from sage_local.runtime.protocol.client_messages import (
    AskProgress,
    AskStatus,
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
    StopJob,
    Submission,
)
from sage_local.runtime.protocol.messages import Collected, Event

PROGRESS_INTERVAL_S = 0.4
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
    ) -> None:
        self._loop = loop
        self._submission = submission
        self._directory = directory
        self._fleet = fleet
        self._log = JobLog(directory.log_dir, submission.plan.settings[LOG_LEVEL].value)
        self._meter = ProgressMeter(fleet, monotonic_ns)
        self._clients: set[Client] = set()
        self._conclusion_sent = False
        self._reports = Reports(loop, fleet, on_event=self._on_report, may_take=self._may_take)
        self._shell = JobShell(
            loop, fleet, zygote, self._log, take_last=self._reports.take_last, conclude=self._conclude
        )
        self._pipes = OutputPipes(self._forward)
        self._caller_client = self._client(caller, decoder, self._caller_gone)

    def run(self, caller: socket.socket, pipes: list[tuple[int, int]], listener: socket.socket) -> None:
        """Until the job is over. ``pipes``: standard output and error of every worker."""
        self._watch_caller(caller)
        self._log_refused_binding()
        for stdout, stderr in pipes:
            self._pipes.add(stdout, stderr)
        self._pipes.resume(self._loop)
        self._shell.start()
        self._reports.start()
        listener.setblocking(False)
        self._loop.add_reader(listener.fileno(), self._accept, listener)
        self._loop.call_later(LOG_AFTER_S, self._log.open)
        if self._submission.wants_progress:
            self._loop.call_later(PROGRESS_INTERVAL_S, self._report_progress)
        self._loop.run_forever()

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
            case StopJob():
                self._shell.apply(state.StopAsked())
            case CancelJob():
                self._shell.apply(state.CancelAsked())
            case AskProgress():
                client.send(ProgressReport(self._meter.look(), asked=True))
            case AskStatus():
                client.send(self._status())
            case _:
                self._log.write("WARNING", f"a client asked for {type(request).__name__}, which is nothing we do")
                client.close()
                self._clients.discard(client)

    def _status(self) -> JobStatus:
        pids = {each.id: each.process.pid for each in self._fleet.workers.values() if each.process is not None}
        plan = self._fleet.plan
        phase = self._shell.job.phase.value
        return JobStatus(self._directory.path.name, plan.job_name, phase, os.getpid(), pids, self._meter.look())

    def _on_report(self, worker: WorkerId, event: Event) -> None:
        if isinstance(event, Collected):
            self._caller_client.send(CollectedFrame(event.operator, event.frame))
        else:
            self._shell.on_report(worker, event)

    def _forward(self, stream: int, data: bytes) -> None:
        if self._caller_client.is_open:
            self._caller_client.send(Output(stream, data))
            if self._caller_client.congested:
                self._pipes.pause()
        else:
            # The caller of a detached job has left: nothing it printed is lost, it is in the job's logs while the job
            # lives.
            name = "stdout.log" if stream == 1 else "stderr.log"
            with open(self._directory.log_dir / name, "ab") as file:
                file.write(data)

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

    def _conclude(self, outcome: state.Outcome) -> None:
        """Every worker is gone: forward their last words, leave no file, and only then tell."""
        self._reports.stop()
        self._pipes.close()
        conclusion = self._conclusion(outcome)
        if isinstance(conclusion, JobFailed):
            self._log.save()
            self._directory.keep_logs()
        else:
            self._directory.remove()
        self._conclusion_sent = True
        for client in tuple(self._clients):
            client.send(conclusion)
        self._leave_when_told()

    def _conclusion(self, outcome: state.Outcome) -> Conclusion:
        progress = self._meter.look()
        if outcome.phase is state.Phase.FINISHED:
            return JobFinished(progress)
        if outcome.phase is state.Phase.CANCELLED:
            return JobCancelled(progress)
        if outcome.cause is None:
            raise InternalError(f"job {self._directory.path.name} failed without a cause")
        return JobFailed(outcome.cause, str(self._directory.log_dir), progress)

    def _leave_when_told(self) -> None:
        """The caller may take its time to read; a command on the control socket is not waited for."""
        if self._caller_client.drained:
            self._loop.stop()


def peer_pid(connection: socket.socket) -> int:
    """The process that made the other end of a unix socket."""
    credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    return int(_CREDENTIALS.unpack(credentials)[0])


_CREDENTIALS = struct.Struct("3i")
