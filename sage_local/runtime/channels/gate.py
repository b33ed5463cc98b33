"""The receiving side of a task: which frame comes next."""

from collections.abc import Sequence
from typing import Protocol

from sage_local.core.elements import EndOfStream
from sage_local.runtime.channels.frame import Frame, Receiver
from sage_local.runtime.protocol.turns import ReceiverTurns


class Input(Protocol):
    """What a task reads from: a gate, or the reader of a source."""

    def take(self) -> Frame | None:
        """The next frame, or ``None`` when there is none yet. The one before is dealt with now.

        ``EndOfStream`` comes once, when every sender has ended; ``take`` is not called after it.
        """


class ArrivalGate:
    """Frames as they arrive, from each sender in turn as far as it has any. Every frame counts as a turn."""

    def __init__(self, channels: Sequence[Receiver]) -> None:
        self._open = list(channels)
        self._held: Receiver | None = None
        self._next = 0

    def take(self) -> Frame | None:
        """See ``Input``."""
        self._release()
        for _ in range(len(self._open)):
            self._next %= len(self._open)
            channel = self._open[self._next]
            frame = channel.receive()
            if frame is None:
                self._next += 1
                continue
            self._held = channel
            if isinstance(frame.element, EndOfStream):
                self._release()
                del self._open[self._next]
                return self.take()
            self._next += 1
            frame.ends_turn = True
            return frame
        return None if self._open else Frame(EndOfStream())

    def _release(self) -> None:
        if self._held is not None:
            self._held.release()
            self._held = None


class TurnGate:
    """Frames in the order of the turns: one sender's run of frames, then the next one's."""

    def __init__(self, channels: Sequence[Receiver], turns: ReceiverTurns) -> None:
        self._channels = channels
        self._turns = turns
        self._open = set(range(len(channels)))
        self._held: Receiver | None = None

    def take(self) -> Frame | None:
        """See ``Input``."""
        if self._held is not None:
            self._held.release()
            self._held = None
        while self._open:
            sender = self._sender()
            frame = self._channels[sender].receive()
            if frame is None:
                return None
            if not isinstance(frame.element, EndOfStream):
                self._held = self._channels[sender]
                if frame.ends_turn:
                    self._turns.advance()
                return frame
            self._channels[sender].release()
            self._open.remove(sender)
        return Frame(EndOfStream())

    def _sender(self) -> int:
        """Whose turn it is, among those that have not ended."""
        for _ in self._channels:
            if self._turns.sender in self._open:
                return self._turns.sender
            self._turns.advance()
        # With e.g. four senders dealt to two receivers, two of the senders never have a turn for us: only their end is to come.
        return min(self._open)


class NumberedInput:
    """Frames of ``input``, marked as coming by input ``index`` of the operator."""

    def __init__(self, input: Input, index: int) -> None:
        self._input = input
        self._index = index

    def take(self) -> Frame | None:
        """See ``Input``."""
        frame = self._input.take()
        if frame is not None:
            frame.input_index = self._index
        return frame


class UnionGate:
    """Several edges into one task: frames as they arrive, each edge in its own order."""

    def __init__(self, inputs: Sequence[Input]) -> None:
        self._open = list(inputs)
        self._next = 0

    def take(self) -> Frame | None:
        """See ``Input``."""
        for _ in range(len(self._open)):
            self._next %= len(self._open)
            frame = self._open[self._next].take()
            if frame is None:
                self._next += 1
                continue
            if isinstance(frame.element, EndOfStream):
                del self._open[self._next]
                return self.take()
            self._next += 1
            return frame
        return None if self._open else Frame(EndOfStream())
