"""The receiving side of a task: which frame comes next."""

from collections import deque
from collections.abc import Sequence
from typing import Protocol

from sage_local.core.elements import EndOfStream, Idleness, Rows, Watermark
from sage_local.runtime.channels.barriers import Barriers
from sage_local.runtime.channels.frame import Frame, Receiver
from sage_local.runtime.protocol.turns import ReceiverTurns
from sage_local.runtime.protocol.watermarks import Change, InputWatermarks


class Input(Protocol):
    """What a task reads from: a gate, or the reader of a source."""

    def take(self) -> Frame | None:
        """The next frame, or ``None`` when there is none yet. The one before is dealt with now.

        ``EndOfStream`` comes once, when every sender has ended; ``take`` is not called after it.
        """


class EventTime:
    """Of one task: what its channels say of event time becomes what its operators hear, in the place of it.

    ``inputs``: for each channel the number of its input. Channels of one input say the same, each in the same place
    among the turns, so what the first of them says counts and the others' copies of it do not.
    """

    def __init__(self, inputs: Sequence[int]) -> None:
        self.inputs = InputWatermarks(len(set(inputs)))
        self._input_of = inputs
        self._heard = [0] * len(inputs)
        self._told = [0] * self.inputs.inputs
        self._changes: deque[Change] = deque()

    def position(self) -> tuple[int, list[tuple[int, bool]]]:
        """How far the task's time has come, then that of each input, and whether it is idle.

        Taken between two turns, when all channels of an input have said the same.
        """
        return self.inputs.watermark, [self.inputs.of(number) for number in range(self.inputs.inputs)]

    def reposition(self, position: tuple[int, list[tuple[int, bool]]]) -> None:
        """As in an earlier execution, which the operators hear of first."""
        self._changes += self.inputs.go_on(*position)

    def next(self) -> Frame | None:
        """What has to be heard before anything else is taken."""
        return Frame(self._changes.popleft()) if self._changes else None

    def hears(self, channel: int | None, frame: Frame) -> bool:
        """Whether ``frame`` was about event time and has been dealt with.

        ``None``: a channel that never has a turn.
        """
        element = frame.element
        if isinstance(element, Rows | EndOfStream):
            return False
        if channel is not None and isinstance(element, Watermark | Idleness) and self._is_new(channel):
            self._changes += self._said(self._input_of[channel], element)
        return True

    def _is_new(self, channel: int) -> bool:
        number = self._input_of[channel]
        self._heard[channel] += 1
        if self._heard[channel] <= self._told[number]:
            return False
        self._told[number] = self._heard[channel]
        return True

    def _said(self, number: int, element: Watermark | Idleness) -> list[Change]:
        if isinstance(element, Watermark):
            return self.inputs.advance(number, element.timestamp)
        return self.inputs.set_idle(number, element.idle)


class ArrivalGate:
    """Frames as they arrive, from each sender in turn as far as it has any. Every frame counts as a turn.

    ``numbers`` are those of the channels in ``time``; ``barriers`` counts them on from ``first``.
    """

    def __init__(
        self,
        channels: Sequence[Receiver],
        time: EventTime,
        numbers: Sequence[int | None],
        barriers: Barriers,
        first: int = 0,
    ) -> None:
        self._open = list(channels)
        self._numbers = list(numbers)
        self._time = time
        self._barriers = barriers
        self._places = list(range(first, first + len(channels)))
        self._held: Receiver | None = None
        self._next = 0

    def take(self) -> Frame | None:
        """See ``Input``."""
        self._release()
        waiting = 0
        while waiting < len(self._open):
            if (heard := self._time.next() or self._barriers.next()) is not None:
                return heard
            self._next %= len(self._open)
            channel, place = self._open[self._next], self._places[self._next]
            frame = None if self._barriers.is_held(place) else channel.receive()
            if frame is None:
                self._next += 1
                waiting += 1
                continue
            self._held = channel
            if self._barriers.hears(place, frame) or self._time.hears(self._numbers[self._next], frame):
                self._release()
            elif isinstance(frame.element, EndOfStream):
                self._release()
                del self._open[self._next], self._numbers[self._next], self._places[self._next]
            else:
                self._next += 1
                frame.ends_turn = True
                return frame
        return self._time.next() or self._barriers.next() or (None if self._open else Frame(EndOfStream()))

    def _release(self) -> None:
        if self._held is not None:
            self._held.release()
            self._held = None


class TurnGate:
    """Frames in the order of the turns: one sender's run of frames, then the next one's.

    A barrier comes by every channel between the same two turns. So when it has come by the channel whose turn it is,
    the others have nothing else for us before it.
    """

    def __init__(
        self,
        channels: Sequence[Receiver],
        turns: ReceiverTurns,
        time: EventTime,
        numbers: Sequence[int | None],
        barriers: Barriers,
        first: int = 0,
    ) -> None:
        self._channels = channels
        self._time = time
        self._numbers = numbers
        self._turns = turns
        self._barriers = barriers
        self._first = first
        self._open = set(range(len(channels)))
        self._held: Receiver | None = None

    def take(self) -> Frame | None:
        """See ``Input``."""
        if self._held is not None:
            self._held.release()
            self._held = None
        while self._open:
            if (heard := self._time.next() or self._barriers.next()) is not None:
                return heard
            sender = self._sender()
            if sender is None:
                return None
            frame = self._channels[sender].receive()
            if frame is None:
                return None
            if self._barriers.hears(self._first + sender, frame) or self._time.hears(self._numbers[sender], frame):
                self._channels[sender].release()
            elif isinstance(frame.element, EndOfStream):
                self._channels[sender].release()
                self._open.remove(sender)
            else:
                self._held = self._channels[sender]
                if frame.ends_turn:
                    self._turns.advance()
                return frame
        return self._time.next() or self._barriers.next() or Frame(EndOfStream())

    def _sender(self) -> int | None:
        """Whose turn it is, among those that have not ended; one whose barrier is still to come; ``None``: all wait."""
        for _ in self._channels:
            sender = self._turns.sender
            if sender in self._open:
                if not self._is_held(sender):
                    return sender
                break
            self._turns.advance()
        # With e.g. four senders dealt to two receivers, two of the senders never have a turn for us: only their
        # barriers and their end are to come.
        return min((sender for sender in self._open if not self._is_held(sender)), default=None)

    def _is_held(self, sender: int) -> bool:
        return self._barriers.is_held(self._first + sender)


class NumberedInput:
    """Frames of ``gate``, marked as coming by input ``index`` of the operator."""

    def __init__(self, gate: Input, index: int) -> None:
        self._input = gate
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
