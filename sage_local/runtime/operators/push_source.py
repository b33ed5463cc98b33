"""Push sources: ``run(ctx)`` in a thread of its own, with a bounded hand-over to the duty cycle."""

import threading
from collections import deque
from collections.abc import Callable
from typing import Any

from sage_local.errors import SourceStoppedError
from sage_local.plan import operators as specs
from sage_local.runtime.channels.frame import Frame
from sage_local.runtime.metrics.table import OperatorCounters
from sage_local.runtime.operators.protocol import TaskContext
from sage_local.runtime.operators.source import SourceInput
from sage_local.runtime.operators.user_function import close_all
from sage_local.runtime.protocol.blame import NO_RECORD, blame
from sage_local.runtime.protocol.pacing import Pacer

MAX_WAITING = 4096
"""Records handed over and not taken yet; then ``collect`` blocks."""
JOIN_S = 0.25
"""How long a closing source may take to notice.

Its thread ends with the process anyway, and Ctrl-C is to feel immediate.
"""


class Handover:
    """The ``SourceContext`` of a push source: ``collect`` on the source's thread, the rest on the worker's.

    Appending to and taking from a deque need no lock under the GIL; only a full one makes the source wait.
    """

    def __init__(self, wake: Callable[[], object]) -> None:
        self._wake = wake
        self._records: deque[Any] = deque()
        self._room = threading.Event()
        self._stopped = False

    def collect(self, value: Any, /) -> None:
        """See ``SourceContext``."""
        if self._stopped:
            raise SourceStoppedError("the job is stopping: run() should return")
        while len(self._records) >= MAX_WAITING:
            self._room.clear()
            # Looked at again between clear and wait: `take` may have made room, or `stop` come, just before.
            if len(self._records) >= MAX_WAITING and not self._stopped:
                self._wake()
                self._room.wait()
            if self._stopped:
                raise SourceStoppedError("the job is stopping: run() should return")
        self._records.append(value)
        if self._stopped:
            self._take_back()
        self._wake()

    def _take_back(self) -> None:
        """A stop came while the record was handed over: either it was taken all the same, or nobody will."""
        try:
            self._records.pop()
        except IndexError:
            return
        raise SourceStoppedError("the job is stopping: run() should return")

    @property
    def is_running(self) -> bool:
        """See ``SourceContext``."""
        return not self._stopped

    def take(self, max_rows: int) -> list[Any]:
        """Up to ``max_rows`` records, oldest first."""
        records = self._records
        taken = [records.popleft() for _ in range(min(max_rows, len(records)))]
        if taken:
            self._room.set()
        return taken

    def stop(self) -> None:
        """No more from here."""
        self._stopped = True
        self._room.set()


class PushInput(SourceInput):
    """What the task reads from. ``wake`` ends the duty cycle's sleep; it is called from the source's thread."""

    def __init__(
        self, spec: specs.Source, counters: OperatorCounters, pacer: Pacer, wake: Callable[[], object]
    ) -> None:
        super().__init__(spec, counters, pacer)
        self._wake = wake
        self._handover = Handover(wake)
        self._thread: threading.Thread | None = None
        self._has_returned = False
        self._taken = 0
        self._error: BaseException | None = None

    def open(self, context: TaskContext) -> None:
        """Open the source and start its thread."""
        self._function.open(context)
        # A daemon: a run() that never returns must not keep the process from ending.
        self._thread = threading.Thread(target=self._run, name=f"source {self.name}", daemon=True)
        self._thread.start()

    def position(self) -> int:
        """How many records were taken."""
        return self._taken

    def reposition(self, position: int) -> None:
        """See ``SourceInput``."""
        self._taken = position
        self._spec.source.seek(position)

    def take(self) -> Frame | None:
        """What was handed over since; after the last of it, the end or what ``run`` raised."""
        returned = (
            self._has_returned or not self._handover.is_running
        )  # before looking for records: none comes after it
        values = self._handover.take(self._pacer.rows)
        if values:
            self._taken += len(values)
            return self._frame(values)
        if not returned:
            return None
        if self._error is not None:
            blame(self.name, NO_RECORD, self._error)
        return self._end()

    def next_poll_ns(self) -> int | None:
        """The source's thread wakes us."""
        return None

    def stop(self, *, drain: bool) -> None:
        """``collect`` raises from now on; what it took before is still handed on."""
        self._stop_time(drain=drain)
        self._handover.stop()

    def close(self) -> None:
        """Stop and close the source, and give its thread a moment to end."""
        self._handover.stop()
        try:
            close_all([self._function])
        finally:
            if self._thread is not None:
                self._thread.join(JOIN_S)

    @property
    def is_stuck(self) -> bool:
        """Whether ``run`` goes on though the source was closed."""
        return self._thread is not None and self._thread.is_alive()

    def _run(self) -> None:
        try:
            self._spec.source.run(self._handover)
        except SourceStoppedError:
            pass  # the way in which a stopped source ends
        except BaseException as error:
            self._error = error
        self._has_returned = True
        self._wake()
