"""Messages on a stream socket: eight bytes of length, then the pickled message.

Only our own processes are at the other end (a socketpair, or a socket of mode 0600 in a directory of mode 0700).
"""

import pickle
import socket
import struct
from typing import Any

_LENGTH = struct.Struct("<Q")
_CHUNK_BYTES = 256 * 1024


def encode(message: object) -> bytes:
    """The bytes of ``message`` on the wire."""
    body = pickle.dumps(message, protocol=5)
    return _LENGTH.pack(len(body)) + body


class FrameDecoder:
    """Turns received bytes into messages, however they were cut."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> None:
        """Add what was received."""
        self._buffer += data

    def next(self) -> Any | None:
        """The next whole message, or ``None`` when more bytes are needed."""
        if len(self._buffer) < _LENGTH.size:
            return None
        end = _LENGTH.size + int(_LENGTH.unpack_from(self._buffer)[0])
        if len(self._buffer) < end:
            return None
        with memoryview(self._buffer) as view:
            message = pickle.loads(view[_LENGTH.size : end])
        del self._buffer[:end]
        return message


def receive(connection: socket.socket, decoder: FrameDecoder) -> Any | None:
    """Block until one whole message is here. ``None`` when the other end is closed; half a message is dropped then."""
    while (message := decoder.next()) is None:
        try:
            data = connection.recv(_CHUNK_BYTES)
        except ConnectionResetError:
            return None
        if not data:
            return None
        decoder.feed(data)
    return message
