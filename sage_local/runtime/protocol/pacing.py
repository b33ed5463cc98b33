"""How much a source takes at a time and how much may be on the way, from how fast records are consumed.

Frames are worth a fixed *time* of the consumer's work, so slow records travel singly (and are dealt evenly, and a
barrier never waits behind many of them) while fast ones travel in thousands. Nothing here reads a clock: times come in
as arguments.
"""

from collections import deque
from dataclasses import dataclass

FRAMES_PER_TIMEOUT = 5
"""A frame is worth ``buffer.timeout`` over this: with two on the way a record still passes in two fifths of
it. What surrounds a frame costs some hundred microseconds once its receiver was at work for milliseconds."""
MIN_FRAMES_IN_FLIGHT = 2
"""One being processed, one ready: less would make the consumer wait for a round trip."""

UNMEASURED_ROWS = 64
"""Of a frame to a consumer not known yet: slow ones are not buried, fast ones are soon known."""


@dataclass(slots=True)
class Rate:
    """Consumed records per nanosecond, as measured lately; 0 until something was measured."""

    per_ns: float = 0.0

    def observe(self, records: int, elapsed_ns: int) -> None:
        """``records`` were consumed in ``elapsed_ns`` of work. A slowdown counts at once, a speed-up by half."""
        if records <= 0:
            return
        measured = records / max(elapsed_ns, 1)
        self.per_ns = measured if measured < self.per_ns or not self.per_ns else (self.per_ns + measured) / 2


class Pacer:
    """Decides how many records a source takes next."""

    def __init__(self, *, timeout_ms: int, max_rows: int) -> None:
        # A timeout of 0 asks for single records; 1 µs of work is that.
        self._worth_ns = max(timeout_ms * 1_000_000 // FRAMES_PER_TIMEOUT, 1_000)
        self._max_rows = max_rows
        self._rows = 1
        self._rate = Rate()

    @property
    def rows(self) -> int:
        """How many records to take next: 1 until something was measured."""
        return self._rows

    def observe(self, records: int, elapsed_ns: int, slowest_per_ns: float | None) -> None:
        """The task was at work on ``records`` source records for ``elapsed_ns``.

        ``slowest_per_ns``: the rate (in source records) of the slowest consumer behind a channel; 0 when there is one
        but nothing is known of it, which keeps the size as it is; ``None`` when there is none.
        """
        if records <= 0:
            return
        self._rate.observe(records, elapsed_ns)
        rate = self._rate.per_ns if slowest_per_ns is None else min(self._rate.per_ns, slowest_per_ns)
        wanted = int(rate * self._worth_ns) if rate else self._rows
        self._rows = max(1, min(wanted, 2 * self._rows, self._max_rows))


class Flight:
    """What is on the way in one channel: measures its consumer and bounds what it is sent.

    Frames are told apart by a serial number that only grows: of the last ring record of the frame, or of the frame
    itself.
    """

    def __init__(self, *, timeout_ms: int, max_rows: int) -> None:
        self._timeout_ns = max(timeout_ms * 1_000_000, 1)
        self._max_rows = max_rows
        self._frames: deque[tuple[int, int, int]] = deque()  # rows, serial and time of each on the way, oldest first
        self._rows = 0
        self._released_ns = 0
        self.rate = Rate()

    def sent(self, rows: int, serial: int, now_ns: int) -> None:
        """A frame of ``rows`` left."""
        self._frames.append((rows, serial, now_ns))
        self._rows += rows

    def observe(self, released: int, released_ns: int) -> None:
        """The consumer has finished with everything up to serial ``released``, and with the last of it then.

        It may be seen long after. Nothing is learnt where the time is no later than that of what was seen before: two
        releases were seen as one, which took the time of both.
        """
        if not self._frames or self._frames[0][1] > released:
            return
        since_ns, consumed = max(self._frames[0][2], self._released_ns), 0
        while self._frames and self._frames[0][1] <= released:
            consumed += self._frames.popleft()[0]
        self._rows -= consumed
        if released_ns > since_ns:
            self.rate.observe(consumed, released_ns - since_ns)
        self._released_ns = released_ns

    @property
    def has_room(self) -> bool:
        """Whether one more frame may leave: at least two, else what is consumed in ``buffer.timeout``."""
        return len(self._frames) < MIN_FRAMES_IN_FLIGHT or self._rows < self.rate.per_ns * self._timeout_ns

    @property
    def consumed_per_ns(self) -> float | None:
        """Rows per nanosecond, as ``Sender`` has it."""
        if self.rate.per_ns:
            return self.rate.per_ns
        return 0.0 if self._rows else None

    @property
    def rows_wanted(self) -> int:
        """Rows of a frame that is worth its time; some, while nothing was measured."""
        if not self.rate.per_ns:
            return min(UNMEASURED_ROWS, self._max_rows)
        return max(1, min(int(self.rate.per_ns * self._timeout_ns / FRAMES_PER_TIMEOUT), self._max_rows))
