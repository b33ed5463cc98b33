"""The caller's end of the socket to the coordinator."""

import select
import socket
from collections.abc import Iterator

from sage_local.runtime.control.framing import FrameDecoder, encode
from sage_local.runtime.protocol.client_messages import Reply, Request

_CHUNK_BYTES = 256 * 1024


class Link:
    """Requests out, replies in.

    One thread receives; requests are short and may be sent from any, also from a signal handler.
    """

    def __init__(self, descriptor: int) -> None:
        self._socket = socket.socket(fileno=descriptor)
        self._decoder = FrameDecoder()
        self.is_open = True

    def send(self, request: Request) -> None:
        """Send; nothing happens when the coordinator is gone, which ``replies`` will show."""
        try:
            self._socket.sendall(encode(request))
        except OSError:
            self.is_open = False

    def replies(self, timeout_s: float | None = None) -> Iterator[Reply]:
        """What has come; waits up to ``timeout_s`` for the first bytes (``None``: for ever).

        ``is_open`` is false after the last.
        """
        if not select.select([self._socket], [], [], timeout_s)[0]:
            return
        data = self._receive()
        if not data:
            self.is_open = False
            return
        self._decoder.feed(data)
        while (reply := self._decoder.next()) is not None:
            yield reply

    def close(self) -> None:
        """The coordinator cancels an attached job, if it still runs."""
        self.is_open = False
        self._socket.close()

    def _receive(self) -> bytes:
        try:
            return self._socket.recv(_CHUNK_BYTES)
        except ConnectionResetError:
            return b""
