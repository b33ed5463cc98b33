import os
from collections.abc import Iterator

import pytest

from sage_local.runtime.coordinator.output import LineForwarder, Pumped


class Pipe:
    """A worker's standard output, and what the caller got of it."""

    def __init__(self) -> None:
        read_end, self.write_end = os.pipe()
        self.got: list[bytes] = []
        self.forwarder = LineForwarder(read_end, 1, lambda stream, data: self.got.append(data))
        self.is_open = True

    def write(self, data: bytes) -> None:
        os.write(self.write_end, data)

    def end(self) -> None:
        if self.is_open:
            self.is_open = False
            os.close(self.write_end)


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    pipe = Pipe()
    yield pipe
    pipe.end()
    pipe.forwarder.close()


def test_only_whole_lines_are_forwarded(pipe: Pipe) -> None:
    """Lines of several workers must not be mixed."""
    pipe.write(b"one\ntwo\nthr")
    assert pipe.forwarder.pump() is Pumped.SOMETHING
    pipe.write(b"ee\n")
    pipe.forwarder.pump()
    assert pipe.got == [b"one\ntwo\n", b"three\n"]


def test_an_empty_pipe_blocks_nobody(pipe: Pipe) -> None:
    assert pipe.forwarder.pump() is Pumped.NOTHING


def test_a_last_line_without_an_end_is_forwarded_when_the_worker_is_gone(pipe: Pipe) -> None:
    pipe.write(b"last words")
    pipe.end()
    assert [pipe.forwarder.pump(), pipe.forwarder.pump()] == [Pumped.SOMETHING, Pumped.END]
    assert pipe.got == [b"last words"]


def test_closing_forwards_what_is_there_though_somebody_holds_the_other_end() -> None:
    """A process that user code started may outlive its worker with the worker's pipe."""
    pipe = Pipe()
    pipe.write(b"line\nrest")
    pipe.forwarder.close()
    assert pipe.got == [b"line\n", b"rest"]
    pipe.end()


def test_a_line_without_end_does_not_fill_the_memory(pipe: Pipe, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sage_local.runtime.coordinator.output.MAX_LINE_BYTES", 10)
    pipe.write(b"x" * 11)
    pipe.forwarder.pump()
    assert pipe.got == [b"x" * 11]
