"""The barriers that come by the channels of one task: held channels, and the one barrier that the task sees."""

from sage_local.core.elements import Barrier, EndOfStream
from sage_local.runtime.channels.frame import Frame
from sage_local.runtime.protocol.alignment import Alignment


class Barriers:
    """Shared by the gates of a task, which number its channels through."""

    def __init__(self, alignment: Alignment) -> None:
        self._alignment = alignment
        self._due: int | None = None
        self._last: int | None = None

    def is_held(self, channel: int) -> bool:
        """Whether ``channel`` waits for the barrier on others."""
        return self._alignment.is_held(channel)

    def next(self) -> Frame | None:
        """The barrier, once it has come on every channel."""
        if self._due is None:
            return None
        due, self._due = self._due, None
        return Frame(Barrier(due, is_last=due == self._last))

    def hears(self, channel: int, frame: Frame) -> bool:
        """Whether ``frame`` was a barrier and has been dealt with. Of an end is taken note only."""
        element = frame.element
        if isinstance(element, Barrier):
            if element.is_last:
                self._last = element.checkpoint
            self._note(self._alignment.barrier(channel, element.checkpoint))
            return True
        if isinstance(element, EndOfStream):
            self._note(self._alignment.end(channel))
        return False

    def _note(self, complete: int | None) -> None:
        if complete is not None:
            self._due = complete
