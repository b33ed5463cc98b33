"""A channel between two tasks of one worker: objects are handed over, nothing is encoded."""

from collections import deque
from collections.abc import Callable

from sage_local.core.elements import Rows
from sage_local.runtime.channels.frame import Frame
from sage_local.runtime.protocol.pacing import Flight


class LocalChannel:
    """Both ends; the same limits as a ring's, so that nothing piles up between tasks either."""

    is_local = True
    is_writing = False

    def __init__(self, *, timeout_ms: int, max_rows: int, clock: Callable[[], int]) -> None:
        self._clock = clock
        self._flight = Flight(timeout_ms=timeout_ms, max_rows=max_rows)
        self._frames: deque[Frame] = deque()
        self._sent = 0
        self._released = 0
        self._holds = False

    @property
    def has_room(self) -> bool:
        """Bounded by what the receiver consumes in ``buffer.timeout``, at least two frames."""
        return self._flight.has_room

    @property
    def is_drained(self) -> bool:
        """Nothing waits and nothing is being worked on."""
        return self._sent == self._released

    @property
    def rows_wanted(self) -> int:
        """See ``Sender``."""
        return self._flight.rows_wanted

    @property
    def consumed_per_ns(self) -> float | None:
        """See ``Sender``."""
        return self._flight.consumed_per_ns

    def send(self, frame: Frame) -> None:
        """Queue the frame."""
        self._frames.append(frame)
        self._sent += 1
        rows = len(frame.element.values) if isinstance(frame.element, Rows) else 0
        self._flight.sent(rows, self._sent, self._clock())

    def flush(self, now_ns: int) -> None:
        """Nothing is ever left over; look at what was released."""
        self._flight.observe(self._released, now_ns)

    def receive(self) -> Frame | None:
        """The oldest frame."""
        if not self._frames:
            return None
        self._holds = True
        return self._frames.popleft()

    def release(self) -> None:
        """See ``Receiver``."""
        if self._holds:
            self._holds = False
            self._released += 1
