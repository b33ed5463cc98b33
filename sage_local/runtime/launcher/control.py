"""Running jobs of this user, reached through their control sockets: for the command line."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, get_args

from sage_local.errors import JobError
from sage_local.runtime.control import framing, run_directory
from sage_local.runtime.control.run_directory import RunDirectory
from sage_local.runtime.protocol.client_messages import AskStatus, CancelJob, Conclusion, JobStatus, StopJob


class RunningJob:
    """A connection to the coordinator of a job that somebody else submitted."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._decoder = framing.FrameDecoder()

    def status(self) -> JobStatus:
        """What it does now. Raises ``JobError`` when it ended meanwhile."""
        self._connection.sendall(framing.encode(AskStatus()))
        reply = self._receive()
        if not isinstance(reply, JobStatus):
            raise JobError("the job has ended")
        return reply

    def stop(self) -> None:
        """As ``JobHandle.stop``."""
        self._connection.sendall(framing.encode(StopJob()))

    def cancel(self) -> None:
        """As ``JobHandle.cancel``."""
        self._connection.sendall(framing.encode(CancelJob()))

    def wait(self) -> Conclusion | None:
        """How it ended; ``None`` when its coordinator was killed."""
        while (reply := self._receive()) is not None:
            if isinstance(reply, get_args(Conclusion)):
                return reply  # type: ignore[no-any-return]  # isinstance with get_args narrows nothing
        return None

    def _receive(self) -> Any:
        return framing.receive(self._connection, self._decoder)


def jobs(root: Path) -> list[str]:
    """The ids of the running jobs below the run directory ``root``."""
    return [job.path.name for job in run_directory.running(root)]


@contextmanager
def connect(root: Path, job_id: str) -> Iterator[RunningJob]:
    """Raises ``JobError`` when no such job runs."""
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    with connection:
        try:
            with run_directory.short_path(RunDirectory(root / job_id).path) as path:
                connection.connect(f"{path}/control.sock")
        except (FileNotFoundError, ConnectionRefusedError) as error:
            running = ", ".join(jobs(root)) or "none"
            raise JobError(f"no job {job_id!r} runs; running: {running}") from error
        yield RunningJob(connection)
