"""What to do with each reply of the coordinator."""

import sys
import threading
from collections.abc import Callable
from typing import Any, get_args

from sage_local.runtime.protocol.client_messages import (
    CollectedFrame,
    Conclusion,
    Output,
    ProgressReport,
    Reply,
    WindowReport,
)
from sage_local.runtime.protocol.progress import Progress

STREAM_MAGIC = b"\xff\xff\xff\xff"
"""What an Arrow stream begins with; a block of rows begins otherwise."""
OnOutput = Callable[[int, str], None]
OnCollected = Callable[[str, list[Any]], None]
OnProgress = Callable[[Progress], None]


def write_output(stream: int, text: str) -> None:
    """Write to what ``sys.stdout`` or ``sys.stderr`` is now: a test, a notebook or the user may have replaced it."""
    target = sys.stdout if stream == 1 else sys.stderr
    # None: the program was started with the stream closed. Then print() says nothing either.
    if target is not None:
        target.write(text)
        target.flush()


class Receiver:
    """Calls back in the receiving thread; what it keeps may be read from any thread."""

    def __init__(
        self, on_output: OnOutput | None, on_collected: OnCollected | None, on_progress: OnProgress | None
    ) -> None:
        self._on_output = on_output or write_output
        self._on_collected = on_collected
        self._on_progress = on_progress
        self._changed = threading.Condition()
        self._answers = 0
        self.progress = Progress(0.0, ())
        self.conclusion: Conclusion | None = None
        self.ended = False
        self.reports: dict[int, WindowReport] = {}
        """Answers that nobody has taken yet, by question."""

    def take(self, reply: Reply) -> None:
        """One reply. What a callback raises comes out here."""
        match reply:
            case Output(stream, data):
                # Not every program writes the encoding it should: nothing that it wrote is a reason to lose its job.
                self._on_output(stream, data.decode("utf-8", "backslashreplace"))
            case CollectedFrame(operator, frame):
                assert self._on_collected is not None, "who collects says where to"
                self._on_collected(operator, _decode(frame))
            case ProgressReport():
                self._take_progress(reply)
            case WindowReport():
                with self._changed:
                    self.reports[reply.question] = reply
                    self._changed.notify_all()
            case _ if isinstance(reply, get_args(Conclusion)):
                self.conclusion = reply
                self.progress = reply.progress

    def end(self) -> None:
        """Nothing more will come: nobody waits for an answer any longer."""
        with self._changed:
            self.ended = True
            self._changed.notify_all()

    @property
    def answers(self) -> int:
        """How many questions were answered so far."""
        return self._answers

    def wait_until(self, is_answered: Callable[[], bool]) -> None:
        """Until ``is_answered`` of what was received, or the end; for a thread that does not receive."""
        with self._changed:
            self._changed.wait_for(lambda: is_answered() or self.ended)

    def _take_progress(self, report: ProgressReport) -> None:
        with self._changed:
            self.progress = report.progress
            self._answers += report.asked
            self._changed.notify_all()
        if self._on_progress is not None and not report.asked:
            self._on_progress(report.progress)


def _decode(frame: bytes) -> list[Any]:
    """Records; of a column stream, a record batch."""
    if frame.startswith(STREAM_MAGIC):
        from sage_local.runtime.codec.columns import decode_stream

        return [decode_stream(frame)]
    from sage_local.runtime.codec.rows import decode

    return decode(frame).values
