"""A channel between two workers: frames encoded into the records of a shared-memory ring.

A frame larger than a record travels as several, all but the last flagged as continued, so any size passes through a
ring of any size. Batches of columns are kept apart from the rest (see ``native/columns_channel.h``).
"""

from collections.abc import Callable
from struct import Struct
from typing import TYPE_CHECKING

from sage_local.core.elements import Barrier, Columns, Element, EndOfStream, Idleness, Partials, Rows, Watermark
from sage_local.runtime.channels.frame import Frame
from sage_local.runtime.codec.rows import decode, encode
from sage_local.runtime.native import FLAG_CONTINUED, KIND_COLUMNS, RingReader, RingWriter
from sage_local.runtime.protocol.pacing import Flight

if TYPE_CHECKING:
    # Not at run time: jobs of rows do without.
    from sage_local.runtime.codec.columns import ColumnsDecoder, ColumnsEncoder

KIND_ROWS = 1
KIND_END_OF_STREAM = 2
KIND_WATERMARK = 3
KIND_IDLENESS = 4
KIND_BARRIER = 5
FLAG_ENDS_TURN = 2
FLAG_PARTIALS = 4
"""Kinds from ``KIND_COLUMNS`` on and the flag 1 are native's."""

_INT64 = Struct("<q")
_BARRIER = Struct("<q?")


class RingSender:
    """The sending end. ``ring_peer`` makes sure that the receiver's worker looks at its rings before we sleep."""

    is_local = False

    def __init__(
        self,
        writer: RingWriter,
        ring_peer: Callable[[], None],
        *,
        timeout_ms: int,
        max_rows: int,
        clock: Callable[[], int],
    ) -> None:
        self._writer = writer
        self._ring_peer = ring_peer
        self._clock = clock
        self._flight = Flight(timeout_ms=timeout_ms, max_rows=max_rows)
        self._columns: ColumnsEncoder | None = None  # made for the first batch of columns
        self._body: bytes | ColumnsEncoder | None = None  # of the frame that is being written
        self._kind = 0
        self._flags = 0
        self._rows = 0
        self._sent_bytes = 0
        self._sent_ns = 0
        self._was_refused = False

    @property
    def writer(self) -> RingWriter:
        """The ring."""
        return self._writer

    def await_release(self) -> bool:
        """Let the receiver know whether to ring us when it is done with something; whether that is a new wish.

        What waits for it is a part of a frame, or whoever was told that there is no room or not all consumed yet.
        """
        return self._writer.await_release(self._body is not None or self._was_refused)

    @property
    def is_writing(self) -> bool:
        """See ``Sender``."""
        return self._body is not None

    @property
    def has_room(self) -> bool:
        """Nothing is half written, and not more is on the way than the receiver consumes in ``buffer.timeout``."""
        return self._granted(self._body is None and self._flight.has_room)

    @property
    def is_drained(self) -> bool:
        """See ``Sender``."""
        return self._granted(self._body is None and self._writer.in_flight == 0)

    def _granted(self, granted: bool) -> bool:
        self._was_refused = self._was_refused or not granted
        return granted

    @property
    def rows_wanted(self) -> int:
        """See ``Sender``."""
        return self._flight.rows_wanted

    @property
    def consumed_per_ns(self) -> float | None:
        """See ``Sender``."""
        return self._flight.consumed_per_ns

    def send(self, frame: Frame) -> None:
        """Encode now, so that whatever happens to the records later is not seen by the receiver."""
        element = frame.element
        self._sent_ns = self._clock()
        if isinstance(element, Columns):
            self._body = self._begun(element)
        else:
            self._kind, self._body = _encoded(element)
            self._sent_bytes = 0
        self._rows = len(element.values) if isinstance(element, Rows) else 0
        self._flags = FLAG_ENDS_TURN if frame.ends_turn else 0
        if isinstance(element, Partials):
            self._flags |= FLAG_PARTIALS
        self._write()

    def _begun(self, columns: Columns) -> "ColumnsEncoder":
        if self._columns is None:
            # Imported here: jobs of rows should not pay for it.
            from sage_local.runtime.codec.columns import ColumnsEncoder

            self._columns = ColumnsEncoder(self._writer)
        self._columns.begin(columns.values)
        return self._columns

    def flush(self, now_ns: int) -> None:
        """Go on writing; see what was consumed."""
        self._was_refused = False
        self._flight.observe(self._writer.released, self._writer.released_ns)
        if self._body is not None:
            self._write()

    def _write(self) -> None:
        body, before = self._body, self._writer.written
        assert body is not None
        is_out = self._write_bytes(body) if isinstance(body, bytes) else body.write(self._flags)
        written = self._writer.written
        if written != before:
            self._ring_peer()
        if is_out:
            self._body = None
            self._flight.sent(self._rows, written, self._sent_ns)

    def _write_bytes(self, body: bytes) -> bool:
        while True:
            stop = min(self._sent_bytes + self._writer.max_record, len(body))
            is_last = stop == len(body)
            flags = self._flags if is_last else FLAG_CONTINUED
            if not self._writer.try_write(self._kind, flags, body, self._sent_bytes, stop):
                return False
            self._sent_bytes = stop
            if is_last:
                return True


class RingReceiver:
    """The receiving end. ``ring_peer`` makes sure that the sender's worker learns of new room before we sleep."""

    def __init__(self, reader: RingReader, ring_peer: Callable[[], None], *, clock: Callable[[], int]) -> None:
        self._reader = reader
        self._ring_peer = ring_peer
        self._clock = clock
        self._columns: ColumnsDecoder | None = None
        self._parts = bytearray()
        self._holds = False

    @property
    def reader(self) -> RingReader:
        """The ring."""
        return self._reader

    def receive(self) -> Frame | None:
        """Decode the next frame.

        Its last record stays in the ring until ``release``: the sender measures us by that.
        """
        while (record := self._reader.peek()) is not None:
            kind, flags, payload = record
            del record
            if kind >= KIND_COLUMNS:
                payload.release()
                if (columns := self._taken()) is None:
                    self._give_back()
                    continue
                self._holds = True
                return Frame(columns, bool(flags & FLAG_ENDS_TURN))
            if flags & FLAG_CONTINUED:
                self._parts += payload
                payload.release()
                self._give_back()
                continue
            element = self._decoded(kind, payload)
            payload.release()
            if flags & FLAG_PARTIALS:
                assert isinstance(element, Rows)
                element = Partials(element.values, element.keys, element.timestamps)
            self._holds = True
            return Frame(element, bool(flags & FLAG_ENDS_TURN))
        return None

    def release(self) -> None:
        """See ``Receiver``."""
        if self._holds:
            self._holds = False
            self._give_back()

    def _give_back(self) -> None:
        if self._reader.release(self._clock()):
            self._ring_peer()

    def _decoded(self, kind: int, payload: memoryview) -> Element:
        if kind == KIND_END_OF_STREAM:
            return EndOfStream()
        if kind == KIND_WATERMARK:
            return Watermark(*_INT64.unpack(payload))
        if kind == KIND_IDLENESS:
            return Idleness(bool(payload[0]))
        if kind == KIND_BARRIER:
            return Barrier(*_BARRIER.unpack(payload))
        if not self._parts:
            return decode(payload) if len(payload) else Rows([])
        self._parts += payload
        whole, self._parts = self._parts, bytearray()
        return decode(whole)

    def _taken(self) -> Columns | None:
        """The batch of columns that is whole with the record at hand."""
        if self._columns is None:
            # Imported here: jobs of rows should not pay for it.
            from sage_local.runtime.codec.columns import ColumnsDecoder

            self._columns = ColumnsDecoder(self._reader)
        return Columns(self._columns.batch()) if self._columns.take() else None


def _encoded(element: Element) -> tuple[int, bytes]:
    """The kind and body of a frame.

    An empty body is an empty batch: the commonest answer to a turn that has none for us.
    """
    if isinstance(element, EndOfStream):
        return KIND_END_OF_STREAM, b""
    if isinstance(element, Watermark):
        return KIND_WATERMARK, _INT64.pack(element.timestamp)
    if isinstance(element, Idleness):
        return KIND_IDLENESS, bytes([element.idle])
    if isinstance(element, Barrier):
        return KIND_BARRIER, _BARRIER.pack(element.checkpoint, element.is_last)
    if not isinstance(element, Rows):
        raise TypeError(f"a ring carries rows, event time and the end of a stream, found {type(element).__name__}")
    return KIND_ROWS, encode(element) if element.values else b""
