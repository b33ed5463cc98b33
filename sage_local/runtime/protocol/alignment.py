"""When a task that reads several inputs may take its snapshot, and which inputs wait for the others until then.

A checkpoint's barrier comes once on every input that has not ended. A task snapshots when it has come on all of them;
with ``EXACTLY_ONCE`` an input is not read beyond its barrier before that, so that no record behind it leaves a trace
in the snapshot.
"""

from enum import Enum


class Guarantee(Enum):
    """What a snapshot may already know of records behind its barrier."""

    EXACTLY_ONCE = "exactly_once"
    """Nothing: inputs are held back."""
    AT_LEAST_ONCE = "at_least_once"
    """Anything: they are repeated after a restart."""


class Alignment:
    """Over the inputs ``0 .. inputs - 1`` of one task.

    ``barrier`` and ``end`` return the id of the checkpoint that is to be taken now, or ``None``. An input that ended
    counts as aligned for every checkpoint. A barrier newer than the one at hand means that the older checkpoint was
    given up (not every source heard of it in time); one that is not newer than what was taken or given up is stale and
    means nothing.
    """

    __slots__ = ("_arrived", "_ended", "_guarantee", "_inputs", "_latest", "_pending")

    def __init__(self, inputs: int, guarantee: Guarantee) -> None:
        self._inputs = inputs
        self._guarantee = guarantee
        self._arrived: set[int] = set()
        self._ended: set[int] = set()
        self._pending: int | None = None
        self._latest = -1

    def is_held(self, number: int) -> bool:
        """Whether input ``number`` must not be read now."""
        return self._guarantee is Guarantee.EXACTLY_ONCE and number in self._arrived

    def barrier(self, number: int, checkpoint: int) -> int | None:
        """The barrier of ``checkpoint`` came on input ``number``."""
        if checkpoint <= self._latest and checkpoint != self._pending:
            return None
        if checkpoint != self._pending:
            self._arrived.clear()
            self._pending = self._latest = checkpoint
        self._arrived.add(number)
        return self._complete()

    def end(self, number: int) -> int | None:
        """Input ``number`` has ended."""
        self._ended.add(number)
        self._arrived.discard(number)
        return self._complete()

    def _complete(self) -> int | None:
        if self._pending is None or len(self._arrived) + len(self._ended) < self._inputs:
            return None
        taken, self._pending = self._pending, None
        self._arrived.clear()
        return taken
