"""Workers' standard output and error, cut into whole lines on their way to the caller."""

import os
from asyncio import AbstractEventLoop
from collections.abc import Callable
from enum import Enum

READ_BYTES = 64 * 1024
MAX_LINE_BYTES = 1024 * 1024
"""A line longer than this goes on in pieces, so that a worker which never ends its line does not fill our memory."""

Forward = Callable[[int, bytes], None]


class Pumped(Enum):
    """What a look at a pipe found."""

    SOMETHING = "something"
    NOTHING = "nothing"
    END = "end"


class LineForwarder:
    """Reads one pipe, which it owns, and hands on what is whole: bytes that end with a line's end."""

    def __init__(self, pipe: int, stream: int, forward: Forward) -> None:
        os.set_blocking(pipe, False)
        self.pipe = pipe
        self._stream = stream
        self._forward = forward
        self._rest = b""

    def pump(self) -> Pumped:
        """Forward what one read finds; at the end of the pipe also a last line without an end."""
        try:
            data = os.read(self.pipe, READ_BYTES)
        except BlockingIOError:
            return Pumped.NOTHING
        if not data:
            self._give_rest()
            return Pumped.END
        whole, newline, rest = data.rpartition(b"\n")
        if newline:
            self._forward(self._stream, self._rest + whole + newline)
            self._rest = rest
        else:
            self._rest += rest
        if len(self._rest) > MAX_LINE_BYTES:
            self._give_rest()
        return Pumped.SOMETHING

    def close(self) -> None:
        """Forward everything that is in the pipe now, and close it: someone unknown may hold its other end for ever."""
        while self.pump() is Pumped.SOMETHING:
            pass
        self._give_rest()
        os.close(self.pipe)

    def _give_rest(self) -> None:
        if self._rest:
            self._forward(self._stream, self._rest)
            self._rest = b""


class OutputPipes:
    """The pipes of all workers.

    Paused, they fill, and a worker that prints more waits: the caller's slowness reaches the source.
    """

    def __init__(self, forward: Forward) -> None:
        self._forward = forward
        self._open: dict[int, LineForwarder] = {}
        self._loop: AbstractEventLoop | None = None

    def add(self, stdout: int, stderr: int) -> None:
        """Own two pipes more."""
        for pipe, stream in ((stdout, 1), (stderr, 2)):
            self._open[pipe] = LineForwarder(pipe, stream, self._forward)

    def resume(self, loop: AbstractEventLoop) -> None:
        """Forward whatever comes, from now on."""
        self._loop = loop
        for pipe in self._open:
            loop.add_reader(pipe, self._readable, pipe)

    def pause(self) -> None:
        """Look at no pipe until ``resume``."""
        if self._loop is not None:
            for pipe in self._open:
                self._loop.remove_reader(pipe)

    def close(self) -> None:
        """Forward what is there and close all; every worker is gone."""
        self.pause()
        for forwarder in self._open.values():
            forwarder.close()
        self._open.clear()

    def _readable(self, pipe: int) -> None:
        if self._open[pipe].pump() is Pumped.END and self._loop is not None:
            self._loop.remove_reader(pipe)
            self._open.pop(pipe).close()
