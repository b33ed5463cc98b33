"""The progress line at the bottom of a terminal."""

import sys
from collections.abc import Iterable
from typing import Any, TextIO

from sage_local.runtime.protocol.progress import LongCall, OperatorProgress, Progress


def status_text(progress: Progress) -> str:
    """One line: elapsed time, calls that take long, records per second of each operator."""
    parts = [duration_text(progress.elapsed_s)]
    parts += [_long_call(call) for call in progress.long_calls]
    parts += [_operator(operator) for operator in progress.operators]
    return " · ".join(parts)


def _operator(operator: OperatorProgress) -> str:
    # A source takes nothing in, so what it puts out is what it does.
    rate = operator.in_per_s if operator.records_in else operator.out_per_s
    return f"{operator.name} {_count(rate)}/s"


def _long_call(call: LongCall) -> str:
    return f"{call.operator} (subtask {call.subtask + 1}) in one call for {duration_text(call.duration_s)}"


def duration_text(seconds: float) -> str:
    """``seconds`` as ``7s``, ``2m 07s`` or ``3h 02m``."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours}h {minutes:02}m"
    return f"{minutes}m {rest:02}s" if minutes else f"{rest}s"


def _count(rate: float) -> str:
    for limit, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if rate >= limit:
            return f"{rate / limit:.3g}{unit}"
    return f"{rate:.0f}"


class ProgressLine:
    """Stays on the last line of the terminal; everything printed meanwhile goes above it.

    Use as a context manager: inside, ``sys.stdout`` and ``sys.stderr`` are replaced by writers that take the line away
    and put it back. ``rich`` measures, styles and cuts the line.
    """

    def __init__(self) -> None:
        from rich.console import Console  # some 60 ms, and only a terminal needs it

        self._streams: tuple[TextIO, TextIO] = (sys.stdout, sys.stderr)
        self._console = Console(file=sys.stderr, highlight=False)
        self._line = ""
        self._shown = False

    def __enter__(self) -> "ProgressLine":
        self._streams = (sys.stdout, sys.stderr)
        sys.stdout, sys.stderr = (Above(stream, self) for stream in self._streams)
        return self

    def __exit__(self, *_: object) -> None:
        self.clear()
        sys.stdout, sys.stderr = self._streams

    def show(self, progress: Progress) -> None:
        """Draw the line anew."""
        if self._console.is_dumb_terminal:
            return
        with self._console.capture() as drawn:
            self._console.print(
                status_text(progress), style="dim", end="", no_wrap=True, overflow="ellipsis", markup=False
            )
        self._line = drawn.get()
        self.clear()
        self.draw()

    def draw(self) -> None:
        """Put the line back where it was taken away."""
        if self._line and not self._shown:
            self._streams[0].flush()  # what was printed comes before the line
            self._write(self._line)
            self._shown = True

    def clear(self) -> None:
        """Take the line away, if it is there."""
        if self._shown:
            self._write("\r\x1b[2K")
            self._shown = False

    def _write(self, text: str) -> None:
        self._streams[1].write(text)
        self._streams[1].flush()


class Above:
    """A text stream whose output appears above the progress line."""

    def __init__(self, stream: TextIO, line: ProgressLine) -> None:
        self._stream = stream
        self._line = line

    def write(self, text: str) -> int:
        """Write to the stream once the line is out of the way; it comes back below a whole line."""
        self._line.clear()
        written = self._stream.write(text)
        if text.endswith("\n"):
            self._line.draw()
        return written

    def writelines(self, lines: Iterable[str]) -> None:
        """Write all ``lines``."""
        self.write("".join(lines))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)
