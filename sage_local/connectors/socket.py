"""A source of the lines that a TCP server sends."""

import socket

from sage_local.errors import SourceError
from sage_local.functions.source import SourceContext, SourceFunction

_CONNECT_TIMEOUT_S = 10.0
_RECEIVE_TIMEOUT_S = 0.1  # how long a stop may go unnoticed while the server sends nothing
_RECEIVE_BYTES = 64 << 10


class SocketSource(SourceFunction[str]):
    r"""Connects to ``host:port`` and emits each line (UTF-8, ended by ``\n`` or ``\r\n``) until the server closes.

    What stands behind the last line end is a line too. The connection is not replayable and is not made again: a server
    that can not be reached, or that breaks the connection off, is an error naming it.
    """

    bounded = False

    def __init__(self, host: str, port: int) -> None:
        if not isinstance(port, int) or not 0 < port < 65536:
            raise ValueError(f"port: expected a number from 1 to 65535, found {port!r}")
        self._host = host
        self._port = port

    def run(self, ctx: SourceContext[str]) -> None:
        """Reads until the server closes or the job stops."""
        number = 0
        rest: list[bytes] = []
        try:
            with socket.create_connection((self._host, self._port), timeout=_CONNECT_TIMEOUT_S) as connection:
                connection.settimeout(_RECEIVE_TIMEOUT_S)
                while (block := _receive(connection, ctx)) is not None:
                    *lines, last = block.split(b"\n")
                    if lines:
                        lines[0] = b"".join((*rest, lines[0]))
                        rest = []
                    rest.append(last)
                    for line in lines:
                        number += 1
                        ctx.collect(self._decode(line, number))
        except OSError as error:
            raise SourceError(f"{self._host}:{self._port}: {error}") from error
        if (line := b"".join(rest)) and ctx.is_running:
            ctx.collect(self._decode(line, number + 1))

    def _decode(self, line: bytes, number: int) -> str:
        try:
            return line.removesuffix(b"\r").decode()
        except UnicodeDecodeError as error:
            found = f"byte 0x{line[error.start : error.start + 1].hex()} at column {error.start + 1}"
            raise SourceError(f"{self._host}:{self._port}, line {number}: not valid UTF-8: {found}") from error


def _receive(connection: socket.socket, ctx: SourceContext[str]) -> bytes | None:
    """The next bytes; ``None`` when the server has closed or the job stops."""
    while ctx.is_running:
        try:
            return connection.recv(_RECEIVE_BYTES) or None
        except TimeoutError:
            continue
    return None
