"""The two ends of a control ring: messages of any size over records of a bounded one.

Used alike by coordinator and workers.
"""

import pickle
from collections import deque
from collections.abc import Callable
from typing import Any, Protocol

KIND_MESSAGE = 1
FLAG_CONTINUED = 1
"""The message goes on in the next record."""


class RecordWriter(Protocol):
    """The part of a ring writer that is needed here."""

    @property
    def max_record(self) -> int:
        """Largest payload of one record."""

    def try_write(self, kind: int, flags: int, payload: bytes, start: int = 0, stop: int = -1) -> bool:
        """Publish one record, or say that there is no room now."""


class RecordReader(Protocol):
    """The part of a ring reader that is needed here."""

    def peek(self) -> tuple[int, int, memoryview] | None:
        """The next record, or ``None``."""

    def release(self) -> object:
        """Give the record back."""


class ControlSender:
    """Sends messages in order. Never blocks: what does not fit is kept and goes on with the next ``flush``.

    ``notify`` rings the receiver's doorbell; the receiver rings ours whenever it gives space back, so that a
    duty cycle which calls ``flush`` after every wake needs no timer.
    """

    def __init__(self, writer: RecordWriter, notify: Callable[[], object]) -> None:
        self._writer = writer
        self._notify = notify
        self._pending: deque[bytes] = deque()
        self._sent = 0

    @property
    def idle(self) -> bool:
        """Everything sent so far is in the ring. Whoever sends much waits for this, so that nothing piles up here."""
        return not self._pending

    def send(self, message: object) -> None:
        """Queue ``message`` behind those before it and write what fits now."""
        self._pending.append(pickle.dumps(message, protocol=5))
        self.flush()

    def flush(self) -> bool:
        """Write what fits; true when nothing is left."""
        wrote = False
        while self._pending and self._write_next():
            wrote = True
        if wrote:
            self._notify()
        return not self._pending

    def _write_next(self) -> bool:
        body = self._pending[0]
        stop = min(self._sent + self._writer.max_record, len(body))
        ends = stop == len(body)
        if not self._writer.try_write(KIND_MESSAGE, 0 if ends else FLAG_CONTINUED, body, self._sent, stop):
            return False
        self._sent = 0 if ends else stop
        if ends:
            self._pending.popleft()
        return True


class ControlReceiver:
    """Takes messages in order. ``notify_space`` rings the sender's doorbell: it may be waiting for room."""

    def __init__(self, reader: RecordReader, notify_space: Callable[[], object]) -> None:
        self._reader = reader
        self._notify_space = notify_space
        self._parts = bytearray()

    def receive(self) -> Any | None:
        """The next whole message, or ``None`` when there is none yet."""
        while (record := self._reader.peek()) is not None:
            _, flags, payload = record
            self._parts += payload
            payload.release()
            del record, payload
            self._reader.release()
            self._notify_space()
            if flags & FLAG_CONTINUED:
                continue
            message = pickle.loads(self._parts)
            self._parts.clear()
            return message
        return None
