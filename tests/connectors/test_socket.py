import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from sage_local.connectors.socket import SocketSource
from sage_local.errors import SourceError


@contextmanager
def server(serve: Callable[[socket.socket], None]) -> Iterator[int]:
    """A TCP server on the loopback that hands its one connection to ``serve`` and then closes it."""
    listener = socket.create_server(("127.0.0.1", 0))

    def accept() -> None:
        connection, _ = listener.accept()
        with connection:
            serve(connection)

    thread = threading.Thread(target=accept)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        thread.join()
        listener.close()


@pytest.fixture
def read(recording: Any) -> Callable[..., list[str]]:
    """Reads from a server that sends the given blocks."""

    def read(*blocks: bytes) -> list[str]:
        def serve(connection: socket.socket) -> None:
            for block in blocks:
                connection.sendall(block)

        ctx = recording()
        with server(serve) as port:
            SocketSource("127.0.0.1", port).run(ctx)
        return list(ctx.collected)

    return read


def test_each_line_is_emitted_without_its_end(read: Callable[..., list[str]]) -> None:
    assert read(b"one\ntwo\r\n\n", b"caf\xc3", b"\xa9\nlas", b"t") == ["one", "two", "", "café", "last"]


def test_nothing_is_emitted_when_the_server_sends_nothing(read: Callable[..., list[str]]) -> None:
    assert read() == []


def test_a_silent_server_does_not_hold_up_a_stop(recording: Any) -> None:
    stopped = threading.Event()

    def serve(connection: socket.socket) -> None:
        connection.sendall(b"one\n")
        stopped.wait()

    ctx = recording(stop_after=1)
    with server(serve) as port:
        SocketSource("127.0.0.1", port).run(ctx)
        stopped.set()
    assert ctx.collected == ["one"]


def test_broken_utf8_names_server_and_line(read: Callable[..., list[str]]) -> None:
    with pytest.raises(SourceError, match=r"127\.0\.0\.1:\d+, line 2: not valid UTF-8: byte 0xff at column 3"):
        read(b"one\nab\xff\n")


def test_a_server_that_can_not_be_reached_is_named(recording: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(SourceError, match=rf"127\.0\.0\.1:{port}: .*refused"):
        SocketSource("127.0.0.1", port).run(recording())


@pytest.mark.parametrize("port", [0, 65536, "9000"])
def test_a_port_out_of_range_is_refused(port: int) -> None:
    with pytest.raises(ValueError, match="port: expected a number from 1 to 65535"):
        SocketSource("localhost", port)
