"""The running jobs of this user, spoken to over the control sockets in their run directories."""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Any

import click

from sage_local.runtime.control.framing import FrameDecoder, encode, receive
from sage_local.runtime.control.run_directory import RunDirectory, run_root, running
from sage_local.runtime.protocol.client_messages import AskStatus, JobStatus, Request

_ANSWER_TIMEOUT_S = 5.0
"""A coordinator that lives answers in milliseconds; one that was stopped in a debugger does not."""


class JobConnection:
    """A connection to the coordinator of one job."""

    def __init__(self, directory: RunDirectory) -> None:
        self.job_id = directory.path.name
        self._decoder = FrameDecoder()
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(_ANSWER_TIMEOUT_S)
        try:
            self._socket.connect(str(directory.control_socket))
        except BaseException:
            self._socket.close()
            raise

    def __enter__(self) -> "JobConnection":
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _traceback: TracebackType | None
    ) -> None:
        self._socket.close()

    def send(self, request: Request) -> None:
        """Send without waiting for an answer."""
        self._socket.sendall(encode(request))

    def receive(self, *, timeout_s: float | None = _ANSWER_TIMEOUT_S) -> Any | None:
        """The next reply; ``None`` when the job is over and its coordinator gone."""
        self._socket.settimeout(timeout_s)
        return receive(self._socket, self._decoder)

    def status(self) -> JobStatus | None:
        """What the job says of itself; ``None`` when it ended meanwhile."""
        self.send(AskStatus())
        while (reply := self.receive()) is not None:
            if isinstance(reply, JobStatus):
                return reply
        return None


def statuses() -> Iterator[JobStatus]:
    """The status of every running job. One that ends while it is asked is left out."""
    for directory in running(run_root(os.environ)):
        try:
            with JobConnection(directory) as connection:
                status = connection.status()
        except (ConnectionError, FileNotFoundError):
            continue
        if status is not None:
            yield status


@contextmanager
def connected(job: str) -> Iterator[JobConnection]:
    """A connection to the running job with that id or name. Raises ``click.UsageError`` without just one such job."""
    found = [status for status in statuses() if job in (status.job_id, status.name)]
    if len(found) != 1:
        raise click.UsageError(_not_one(job, found))
    with JobConnection(RunDirectory(run_root(os.environ) / found[0].job_id)) as connection:
        yield connection


def _not_one(job: str, found: list[JobStatus]) -> str:
    if found:
        return f"{len(found)} running jobs are named {job!r}: use an id of {', '.join(each.job_id for each in found)}"
    return f"no running job has the id or name {job!r} ('sage list' shows those that there are)"
