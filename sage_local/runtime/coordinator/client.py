"""A client of the coordinator: the caller that submitted the job, or a command that connected to its control socket."""

import socket
from asyncio import AbstractEventLoop
from collections import deque
from collections.abc import Callable

from sage_local.runtime.control.framing import FrameDecoder, encode
from sage_local.runtime.protocol.client_messages import Reply, Request

CONGESTED_BYTES = 1024 * 1024
"""Replies waiting beyond this: stop taking output and collected records from workers until the client has read."""
_CHUNK_BYTES = 64 * 1024


class Client:
    """One connection, never blocking.

    ``on_gone`` is called once, when the other end has closed; not after our own ``close``.
    """

    def __init__(
        self,
        loop: AbstractEventLoop,
        connection: socket.socket,
        *,
        on_request: Callable[["Client", Request], None],
        on_gone: Callable[["Client"], None],
        on_drained: Callable[[], None],
        decoder: FrameDecoder | None = None,
    ) -> None:
        connection.setblocking(False)
        self._loop = loop
        self._connection = connection
        self._on_request = on_request
        self._on_gone = on_gone
        self._on_drained = on_drained
        self._decoder = decoder or FrameDecoder()
        self._waiting: deque[memoryview] = deque()
        self._waiting_bytes = 0
        self.is_open = True
        loop.add_reader(connection.fileno(), self._readable)
        # A decoder that has served before may hold requests that came together with an earlier one.
        loop.call_soon(self._take_requests)

    @property
    def congested(self) -> bool:
        """Enough is waiting; ``on_drained`` is called when nothing is."""
        return self._waiting_bytes > CONGESTED_BYTES

    @property
    def drained(self) -> bool:
        """Nothing is waiting."""
        return not self._waiting

    def send(self, reply: Reply) -> None:
        """Send, or keep until the client reads. Nothing happens on a closed connection."""
        if not self.is_open:
            return
        self._waiting.append(memoryview(encode(reply)))
        self._waiting_bytes += len(self._waiting[-1])
        if len(self._waiting) == 1:
            self._flush()

    def close(self) -> None:
        """No more in either direction."""
        if self.is_open:
            self.is_open = False
            self._loop.remove_reader(self._connection.fileno())
            self._loop.remove_writer(self._connection.fileno())
            self._waiting.clear()
            self._waiting_bytes = 0
            self._connection.close()

    def _flush(self) -> None:
        try:
            while self._waiting:
                sent = self._connection.send(self._waiting[0])
                self._waiting_bytes -= sent
                if sent < len(self._waiting[0]):
                    self._waiting[0] = self._waiting[0][sent:]
                else:
                    self._waiting.popleft()
        except BlockingIOError:
            self._loop.add_writer(self._connection.fileno(), self._writable)
        except OSError:
            self._gone()

    def _writable(self) -> None:
        self._loop.remove_writer(self._connection.fileno())
        self._flush()
        if self.is_open and self.drained:
            self._on_drained()

    def _readable(self) -> None:
        try:
            data = self._connection.recv(_CHUNK_BYTES)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._gone()
            return
        self._decoder.feed(data)
        self._take_requests()

    def _take_requests(self) -> None:
        while self.is_open and (request := self._next_request()) is not None:
            self._on_request(self, request)

    def _next_request(self) -> Request | None:
        try:
            return self._decoder.next()
        except Exception:
            # Unpickling may raise anything: a command of another version must not end the job it asks about.
            self._gone()
            return None

    def _gone(self) -> None:
        if self.is_open:
            self.close()
            self._on_gone(self)
            self._on_drained()
