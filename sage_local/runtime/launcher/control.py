"""Running jobs of this user, reached through their control sockets: for the command line."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, get_args

from sage_local.errors import JobError
from sage_local.runtime.control import framing, run_directory
from sage_local.runtime.control.run_directory import RunDirectory
from sage_local.runtime.protocol.client_messages import AskStatus, Conclusion, JobStatus, Request, StopJob

ANSWER_TIMEOUT_S = 5.0
"""A coordinator that lives answers in milliseconds; one that was stopped in a debugger does not."""


class RunningJob:
    """A connection to the coordinator of a job that somebody else submitted."""

    def __init__(self, job_id: str, connection: socket.socket) -> None:
        self.job_id = job_id
        self._connection = connection
        self._decoder = framing.FrameDecoder()

    def send(self, request: Request) -> None:
        """Send without waiting for an answer."""
        self._connection.sendall(framing.encode(request))

    def answer(self, *kinds: type, timeout_s: float | None = ANSWER_TIMEOUT_S) -> Any | None:
        """The next reply of one of ``kinds``; ``None`` when the job is over and its coordinator gone."""
        self._connection.settimeout(timeout_s)
        while (reply := framing.receive(self._connection, self._decoder)) is not None:
            if isinstance(reply, kinds):
                return reply
        return None

    def status(self) -> JobStatus:
        """What it does now. Raises ``JobError`` when it ended meanwhile."""
        self.send(AskStatus())
        status: JobStatus | None = self.answer(JobStatus)
        if status is None:
            raise JobError(f"job {self.job_id} has ended")
        return status

    def stop(self) -> None:
        """As ``JobHandle.stop``."""
        self.send(StopJob())

    def wait(self) -> Conclusion | None:
        """How it ended; ``None`` when its coordinator was killed."""
        conclusion: Conclusion | None = self.answer(*get_args(Conclusion), timeout_s=None)
        return conclusion


def jobs(root: Path) -> list[str]:
    """The ids of the running jobs below the run directory ``root``."""
    return [job.path.name for job in run_directory.running(root)]


@contextmanager
def connect(root: Path, job_id: str) -> Iterator[RunningJob]:
    """Raises ``JobError`` when no such job runs."""
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    with connection:
        connection.settimeout(ANSWER_TIMEOUT_S)
        try:
            with run_directory.short_path(RunDirectory(root / job_id).path) as path:
                connection.connect(f"{path}/control.sock")
        except (FileNotFoundError, ConnectionRefusedError) as error:
            running = ", ".join(jobs(root)) or "none"
            raise JobError(f"no job {job_id!r} runs; running: {running}") from error
        yield RunningJob(job_id, connection)
