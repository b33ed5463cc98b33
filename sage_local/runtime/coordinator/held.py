"""Collected records on their way to the caller: what a restart would repeat is held back until it can not."""

from collections import deque
from collections.abc import Callable

Give = Callable[[str, bytes], None]


class _Frames:
    """Of one operator: those that belong to a checkpoint, in order, and those behind the latest barrier."""

    def __init__(self) -> None:
        self.sealed: deque[tuple[int, list[bytes]]] = deque()
        self.open: list[bytes] = []


class HeldRecords:
    """Frames of ``Collect`` operators, in order; ``give`` gets them once they are for good.

    With ``holds`` false they pass at once: the job is not going to restart.
    """

    def __init__(self, give: Give, *, holds: bool) -> None:
        self._give = give
        self._holds = holds
        self._of: dict[str, _Frames] = {}

    def take(self, operator: str, frame: bytes) -> None:
        """The next frame of ``operator``."""
        if self._holds:
            self._of.setdefault(operator, _Frames()).open.append(frame)
        else:
            self._give(operator, frame)

    def barrier(self, operator: str, checkpoint: int) -> None:
        """What came of ``operator`` until now belongs to ``checkpoint``."""
        frames = self._of.setdefault(operator, _Frames())
        frames.sealed.append((checkpoint, frames.open))
        frames.open = []

    def complete(self, checkpoint: int) -> None:
        """``checkpoint`` is complete: what belongs to it, or to one before that came to nothing, is for good."""
        for operator, frames in self._of.items():
            while frames.sealed and frames.sealed[0][0] <= checkpoint:
                self._give_all(operator, frames.sealed.popleft()[1])

    def release(self) -> None:
        """The job has finished: everything is for good."""
        for operator, frames in self._of.items():
            for _, sealed in frames.sealed:
                self._give_all(operator, sealed)
            self._give_all(operator, frames.open)
        self._of.clear()

    def drop(self) -> None:
        """The execution has ended: what is not for good comes again."""
        self._of.clear()

    def _give_all(self, operator: str, frames: list[bytes]) -> None:
        for frame in frames:
            self._give(operator, frame)
