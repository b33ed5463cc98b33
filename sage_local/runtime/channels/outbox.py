"""The sending side of an edge in one task: rows go in as they come, frames leave as there is room."""

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Sequence
from typing import Protocol

from sage_local.core.elements import Barrier, Columns, Element, EndOfStream, Rows
from sage_local.runtime.channels.frame import Frame, Sender
from sage_local.runtime.channels.routing import Router


class Output(Protocol):
    """Where a task puts what comes out of its chain. Never blocks; the task is not run unless ``is_ready``."""

    @property
    def is_ready(self) -> bool:
        """Nothing waits for room."""

    @property
    def is_sent(self) -> bool:
        """Everything put so far is on its way."""

    @property
    def consumed_per_ns(self) -> float | None:
        """Rows put per nanosecond that the slowest receiver can consume.

        0 while that is being found out, ``None`` where nothing limits it.
        """

    def put(self, rows: Rows) -> None:
        """Send rows."""

    def pass_on(self, element: Element) -> None:
        """Send what is not rows, behind the rows."""

    def end_turn(self) -> None:
        """The answer to a turn is complete."""

    def end(self) -> None:
        """Nothing follows."""

    def flush(self, now_ns: int, *, starved: bool) -> bool:
        """Hand on what there is room for; returns whether anything moved. ``starved``: the task has nothing to read."""

    def next_flush_ns(self) -> int | None:
        """When ``flush`` has to be called without being asked by an event."""


class Outbox(ABC):
    """What the outboxes of all edges share. Of what was put, at most what one element becomes waits here for room."""

    def __init__(self, router: Router, channels: Sequence[Sender]) -> None:
        self._router = router
        self._channels = channels
        self._waiting: list[deque[Frame]] = [deque() for _ in channels]

    @property
    def is_ready(self) -> bool:
        """See ``Output``."""
        return not any(self._waiting)

    @property
    def is_sent(self) -> bool:
        """See ``Output``."""
        return self.is_ready and not any(channel.is_writing for channel in self._channels)

    @property
    def consumed_per_ns(self) -> float | None:
        """See ``Output``."""
        rates = [rate for channel in self._channels if (rate := channel.consumed_per_ns) is not None]
        if not rates:
            return None
        return min((rate for rate in rates if rate), default=0.0) * self._router.sharers

    @abstractmethod
    def put(self, rows: Rows) -> None:
        """See ``Output``."""

    @abstractmethod
    def flush(self, now_ns: int, *, starved: bool) -> bool:
        """See ``Output``."""

    def next_flush_ns(self) -> int | None:
        """See ``Output``: nothing waits for a time."""
        return None

    def pass_on(self, element: Element) -> None:
        """To every receiver."""
        for target in range(len(self._channels)):
            self._send(target, Frame(element))

    def end(self) -> None:
        """See ``Output``."""
        self.pass_on(EndOfStream())

    def _send(self, target: int, frame: Frame) -> None:
        waiting, channel = self._waiting[target], self._channels[target]
        if not waiting and channel.has_room:
            channel.send(frame)
        else:
            waiting.append(frame)

    def _advance(self, now_ns: int) -> bool:
        moved = False
        for waiting, channel in zip(self._waiting, self._channels, strict=True):
            channel.flush(now_ns)
            while waiting and channel.has_room:
                channel.send(waiting.popleft())
                moved = True
        return moved


class TurnOutbox(Outbox):
    """For an edge in turns: every turn is answered at once, each answer ends with a flagged frame.

    ``waits_for_turn``: what is not rows goes to a receiver with the next answer to it only. Where several senders deal
    to several receivers, a receiver looks at our channel when it is our turn; what piled up there meanwhile could fill
    the channel and stop us, and with us the one whose turn it is. Of watermarks the latest says it all. For a barrier
    the receiver looks at all its channels.
    """

    def __init__(self, router: Router, channels: Sequence[Sender], *, waits_for_turn: bool = False) -> None:
        super().__init__(router, channels)
        self._waits_for_turn = waits_for_turn
        self._notes: list[dict[type, Element]] = [{} for _ in channels]
        # The latest rows of the turn, for each receiver: they wait for what follows, to carry the flag.
        self._held: list[Rows | None] = [None for _ in channels]

    def put(self, rows: Rows) -> None:
        """Keep ``rows`` as the latest and send those before."""
        for target, part in self._router.route(rows):
            held, self._held[target] = self._held[target], part
            if held is not None:
                self._send(target, Frame(held))

    def pass_on(self, element: Element) -> None:
        """In order behind the rows."""
        if self._waits_for_turn and not isinstance(element, Barrier | EndOfStream):
            for notes in self._notes:
                notes[type(element)] = element
            return
        for target in range(len(self._channels)):
            self._send_held(target)
        super().pass_on(element)

    def _send_held(self, target: int) -> None:
        held, self._held[target] = self._held[target], None
        if held is not None:
            self._send(target, Frame(held))
        notes = self._notes[target]
        for note in notes.values():
            self._send(target, Frame(note))
        notes.clear()

    def end_turn(self) -> None:
        """Send the latest rows, or an empty frame, as the end of the answer."""
        for target in self._router.answered():
            if self._notes[target]:
                self._send_held(target)
            held, self._held[target] = self._held[target], None
            self._send(target, Frame(Rows([]) if held is None else held, ends_turn=True))

    def flush(self, now_ns: int, *, starved: bool) -> bool:
        """See ``Outbox``."""
        return self._advance(now_ns)


class BufferedOutbox(Outbox):
    """For an edge taken as it arrives: small batches are joined while the receiver is busy anyway."""

    def __init__(self, router: Router, channels: Sequence[Sender], *, timeout_ms: int) -> None:
        super().__init__(router, channels)
        self._timeout_ns = timeout_ms * 1_000_000
        self._buffers: list[Rows | None] = [None for _ in channels]
        self._since_ns: list[int | None] = [None for _ in channels]  # when a flush first saw the buffer

    def put(self, rows: Rows) -> None:
        """Join to what waits for the same receiver; send what is worth a frame."""
        for target, part in self._router.route(rows):
            buffer = self._buffers[target]
            if isinstance(part, Columns):
                # Worth a frame as it is, and what came before it goes before it.
                if buffer is not None:
                    self._leave(target)
                self._send(target, Frame(part))
                continue
            if buffer is not None and type(buffer) is not type(part):
                self._leave(target)
                buffer = None
            if buffer is None:
                self._buffers[target] = buffer = part
            else:
                _join(buffer, part)
            if len(buffer.values) >= self._channels[target].rows_wanted:
                self._leave(target)

    def end_turn(self) -> None:
        """Of no interest here."""

    def pass_on(self, element: Element) -> None:
        """In order behind the rows."""
        for target, buffer in enumerate(self._buffers):
            if buffer is not None:
                self._leave(target)
        super().pass_on(element)

    def flush(self, now_ns: int, *, starved: bool) -> bool:
        """Also let go of small batches.

        At once when the task has nothing to read and the receiver nothing to do, else after the timeout.
        """
        moved = self._advance(now_ns)
        for target, buffer in enumerate(self._buffers):
            if buffer is None:
                continue
            since_ns = self._since_ns[target]
            if since_ns is None:
                self._since_ns[target] = since_ns = now_ns
            if (starved and self._channels[target].is_drained) or now_ns - since_ns >= self._timeout_ns:
                self._leave(target)
                moved = True
        return moved

    def next_flush_ns(self) -> int | None:
        """When the oldest buffer has waited for ``buffer.timeout``."""
        oldest = min((since_ns for since_ns in self._since_ns if since_ns is not None), default=None)
        return None if oldest is None else oldest + self._timeout_ns

    def _leave(self, target: int) -> None:
        buffer, self._buffers[target] = self._buffers[target], None
        self._since_ns[target] = None
        assert buffer is not None
        self._send(target, Frame(buffer))


def _join(buffer: Rows, part: Rows) -> None:
    buffer.values += part.values
    if buffer.keys is not None and part.keys is not None:
        buffer.keys += part.keys
    if buffer.timestamps is not None and part.timestamps is not None:
        buffer.timestamps += part.timestamps
