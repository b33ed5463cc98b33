"""What user code prints: buffered, and written out before anybody waits for it."""

import sys
from collections.abc import Callable

FLUSH_NS = 50_000_000
"""While a worker is busy its output is at most this late: not noticed by a reader, and cheap."""


class StandardOutput:
    """Flushes ``sys.stdout`` of this process."""

    def __init__(self, clock: Callable[[], int]) -> None:
        self._clock = clock
        self._flushed_ns = clock()

    def tick(self) -> None:
        """Called every round: flush if it is time."""
        if self._clock() - self._flushed_ns > FLUSH_NS:
            self.flush()

    def flush(self) -> None:
        """Write out what is there."""
        self._flushed_ns = self._clock()
        stream = sys.stdout
        # User code may have closed it or put something else in its place: then nothing of ours waits in it.
        if stream is not None and not getattr(stream, "closed", False):
            stream.flush()
