"""Ends of channels for tests: a sender that remembers, a receiver that was told."""

from collections import deque

from sage_local.core.elements import Rows
from sage_local.runtime.channels.frame import Frame


class Sent:
    """A sending end with room for ``room`` more frames."""

    is_local = True
    is_writing = False
    consumed_per_ns = None

    def __init__(self, *, room=1000, rows_wanted=100, is_drained=False):
        self.room = room
        self.rows_wanted = rows_wanted
        self.is_drained = is_drained
        self.frames = []

    @property
    def has_room(self):
        return self.room > 0

    def send(self, frame):
        assert self.has_room
        self.room -= 1
        self.frames.append(frame)

    def flush(self, now_ns):
        pass

    @property
    def values(self):
        """Those of every frame with rows, and whether it ends a turn."""
        return [(frame.element.values, frame.ends_turn) for frame in self.frames if isinstance(frame.element, Rows)]


class Told:
    """A receiving end: ``arrive`` what comes; ``released`` counts."""

    def __init__(self, *elements):
        self._frames = deque()
        self.released = 0
        for element in elements:
            self.arrive(element)

    def arrive(self, element, *, ends_turn=False):
        self._frames.append(Frame(element, ends_turn))

    def receive(self):
        return self._frames.popleft() if self._frames else None

    def release(self):
        self.released += 1
