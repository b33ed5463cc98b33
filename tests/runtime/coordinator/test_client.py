import socket
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from sage_local.runtime.control.framing import FrameDecoder, encode, receive
from sage_local.runtime.coordinator.client import CONGESTED_BYTES, Client
from sage_local.runtime.protocol.client_messages import AskStatus, Output, StopJob


class Loop:
    """The part of an event loop that a client uses, turned by hand."""

    def __init__(self) -> None:
        self.readers: dict[int, Callable[[], None]] = {}
        self.writers: dict[int, Callable[[], None]] = {}
        self.soon: list[Callable[[], None]] = []

    def add_reader(self, fd: int, callback: Callable[[], None]) -> None:
        self.readers[fd] = callback

    def remove_reader(self, fd: int) -> None:
        self.readers.pop(fd, None)

    def add_writer(self, fd: int, callback: Callable[[], None]) -> None:
        self.writers[fd] = callback

    def remove_writer(self, fd: int) -> None:
        self.writers.pop(fd, None)

    def call_soon(self, callback: Callable[[], None]) -> None:
        self.soon.append(callback)

    def turn(self) -> None:
        """Everything that could be ready, once."""
        soon, self.soon = self.soon, []
        for callback in [*soon, *self.readers.values(), *self.writers.values()]:
            callback()


class Desk:
    """A client, its peer's socket, and what happened."""

    def __init__(self, decoder: FrameDecoder | None = None) -> None:
        ours, self.theirs = socket.socketpair()
        self.loop: Any = Loop()
        self.requests: list[object] = []
        self.events: list[str] = []
        self.client = Client(
            self.loop,
            ours,
            on_request=lambda _, request: self.requests.append(request),
            on_gone=lambda _: self.events.append("gone"),
            on_drained=lambda: self.events.append("drained"),
            decoder=decoder,
        )


@pytest.fixture
def desk() -> Iterator[Desk]:
    desk = Desk()
    yield desk
    desk.client.close()
    desk.theirs.close()


def test_requests_arrive_in_order(desk: Desk) -> None:
    desk.theirs.sendall(encode(StopJob()) + encode(AskStatus()))
    desk.loop.turn()
    assert desk.requests == [StopJob(), AskStatus()]


def test_requests_that_came_together_with_the_submission_are_not_forgotten() -> None:
    decoder = FrameDecoder()
    decoder.feed(encode("submission") + encode(StopJob()))
    assert decoder.next() == "submission"
    desk = Desk(decoder)
    desk.loop.turn()
    assert desk.requests == [StopJob()]
    desk.client.close()
    desk.theirs.close()


def test_replies_wait_for_a_slow_reader_and_all_arrive(desk: Desk) -> None:
    line = Output(1, b"x" * 100_000 + b"\n")
    for _ in range(30):
        desk.client.send(line)
    assert desk.client.congested
    decoder, received = FrameDecoder(), []
    desk.theirs.settimeout(10)
    for _ in range(30):
        while (message := decoder.next()) is None:
            desk.loop.turn()
            decoder.feed(desk.theirs.recv(CONGESTED_BYTES))
        received.append(message)
    assert received == [line] * 30
    assert desk.events == ["drained"]
    assert not desk.client.congested


def test_a_peer_that_is_gone_is_noticed_once(desk: Desk) -> None:
    desk.theirs.close()
    desk.loop.turn()
    desk.client.send(Output(1, b"nobody hears\n"))
    assert desk.events == ["gone", "drained"]


def test_a_peer_that_talks_nonsense_is_let_go(desk: Desk) -> None:
    """A command of another version must not end the job it asks about."""
    desk.theirs.sendall((5).to_bytes(8, "little") + b"bogus")
    desk.loop.turn()
    assert desk.events == ["gone", "drained"]
    assert not desk.client.is_open


def test_closing_ends_the_connection_for_the_peer(desk: Desk) -> None:
    desk.client.close()
    assert receive(desk.theirs, FrameDecoder()) is None
    assert desk.events == []
