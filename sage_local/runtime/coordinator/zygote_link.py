"""The coordinator's end of the zygote's socket: asks for workers, hears of their births and deaths."""

import os
import socket

from sage_local.runtime.control import passing
from sage_local.runtime.coordinator.fleet import Fleet, Process, Worker
from sage_local.runtime.protocol.zygote_messages import Adopt, Exited, Fork, Forked, Segments


class ZygoteLostError(Exception):
    """The zygote's process is gone."""


class ZygoteLink:
    """Asks the zygote, in order; each request is sent before the call returns."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection

    def fileno(self) -> int:
        """Readable when ``reports`` has something to say."""
        return self._connection.fileno()

    def adopt(self, request: Adopt) -> None:
        """What all workers will have in common."""
        self._send(request)

    def share_segments(self, fleet: Fleet) -> None:
        """Pass every segment on."""
        descriptors = list(fleet.segment_descriptors().items())
        for start in range(0, len(descriptors), passing.MAX_DESCRIPTORS):
            part = descriptors[start : start + passing.MAX_DESCRIPTORS]
            self._send(Segments(tuple(owner for owner, _ in part)), [descriptor for _, descriptor in part])

    def fork(self, worker: Worker, eventfd: int, generation: int) -> tuple[int, int]:
        """Ask for ``worker``'s process. Returns the pipes to read its standard output and its standard error from."""
        (out, out_end), (err, err_end) = os.pipe2(os.O_CLOEXEC), os.pipe2(os.O_CLOEXEC)
        try:
            seat = worker.seat
            self._send(Fork(worker.id, seat.cpus, seat.may_spin, generation), [eventfd, out_end, err_end])
        finally:
            os.close(out_end)
            os.close(err_end)
        return out, err

    def receive(self) -> tuple[Forked, Process] | Exited:
        """The next report; blocks while there is none. ``ZygoteLostError`` when there will be no more."""
        packet = passing.receive(self._connection)
        if packet is None:
            raise ZygoteLostError
        report, descriptors = packet
        return (report, Process(report.pid, *descriptors)) if isinstance(report, Forked) else report

    def close(self) -> None:
        """The zygote kills what is left of the workers, and leaves."""
        self._connection.close()

    def _send(self, message: object, descriptors: list[int] | None = None) -> None:
        try:
            passing.send(self._connection, message, descriptors or ())
        except (BrokenPipeError, ConnectionResetError) as error:
            raise ZygoteLostError from error
