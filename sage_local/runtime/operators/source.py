"""Reading split sources: the beginning of a chain."""

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

from sage_local.core.data import data
from sage_local.core.elements import MAX_TIMESTAMP, EndOfStream, Rows, Split, Watermark
from sage_local.functions.pushed import PushedFailed
from sage_local.functions.source import SourceFunction, SplitReader
from sage_local.plan import operators as specs
from sage_local.runtime.channels.frame import Frame
from sage_local.runtime.metrics.table import OperatorCounters
from sage_local.runtime.operators.protocol import TaskContext
from sage_local.runtime.operators.user_function import UserFunction, close_all
from sage_local.runtime.protocol.blame import NO_RECORD, OperatorFailed, blame
from sage_local.runtime.protocol.pacing import Pacer
from sage_local.runtime.protocol.splits import share

FIRST_RETRY_NS = 1_000_000
LAST_RETRY_NS = 20_000_000
"""An idle reader is asked again after 1 ms, then ever later: the latency of a source which can only be polled."""


class SourceInput(ABC):
    """What a task whose chain begins with a source reads from: an ``Input`` with a life of its own."""

    def __init__(self, spec: specs.Source, counters: OperatorCounters, pacer: Pacer) -> None:
        self.name = spec.name
        self.place = counters.place
        self._spec = spec
        self._counters = counters
        self._pacer = pacer
        self._function = UserFunction(spec.name, spec.source)
        self._time_has_ended = False

    @abstractmethod
    def open(self, context: TaskContext) -> None:
        """Open the source."""

    @abstractmethod
    def take(self) -> Frame | None:
        """See ``Input``: every batch read is a turn."""

    @abstractmethod
    def stop(self, *, drain: bool) -> None:
        """Read no further. Event time ends only with ``drain``: else windows that are not complete stay as they are."""

    @abstractmethod
    def position(self) -> Any:
        """Where to go on reading: a picklable value."""

    @abstractmethod
    def reposition(self, position: Any) -> None:
        """Read from what ``position`` gave in an earlier execution; before ``open``."""

    @abstractmethod
    def next_poll_ns(self) -> int | None:
        """When ``take`` is worth a try without an event; ``None``: an event will come, or it is worth one now."""

    @abstractmethod
    def close(self) -> None:
        """Close the source."""

    @property
    def is_stuck(self) -> bool:
        """Whether user code of the source goes on in a thread of its own, after ``close``."""
        return False

    def _stop_time(self, *, drain: bool) -> None:
        self._time_has_ended = self._time_has_ended or not drain

    def _end(self) -> Frame:
        """The end of time, unless there has been or shall be none, and at the next call of the stream."""
        if self._time_has_ended:
            return Frame(EndOfStream())
        self._time_has_ended = True
        return Frame(Watermark(MAX_TIMESTAMP))

    def _frame(self, values: list[Any]) -> Frame:
        self._counters.gave(len(values))
        return Frame(Rows(values), ends_turn=True)


@data
class SplitPosition:
    """``waiting``: splits that nobody has begun with. ``readings``: number, split and reader's snapshot of the others.

    ``share``: how many there were at first.
    """

    waiting: tuple[Any, ...]
    readings: tuple[tuple[int, Any, Any], ...]
    share: int


class _Reading:
    """A split that was begun with: ``reader`` goes on at ``position``, once it is there."""

    __slots__ = ("number", "position", "reader", "split")

    def __init__(self, number: int, split: Any, position: Any = None) -> None:
        self.number = number
        self.split = split
        self.position = position
        self.reader: SplitReader[Any] | None = None

    def snapshot(self) -> tuple[int, Any, Any]:
        return self.number, self.split, self.position if self.reader is None else self.reader.snapshot()


class SplitInput(SourceInput):
    """Reads its share of the splits. ``pacer`` says how much at a time.

    One after another, so that few files are open at once; but one that has nothing right now lets the next have its
    turn, and where the source has no end each has its turn after each batch.
    """

    def __init__(self, spec: specs.Source, counters: OperatorCounters, pacer: Pacer, clock: Callable[[], int]) -> None:
        super().__init__(spec, counters, pacer)
        self._clock = clock
        self._in_turn = not spec.source.bounded
        self._waiting: deque[Any] = deque()
        self._readings: deque[_Reading] = deque()
        self._resumed: SplitPosition | None = None
        self._share = 0
        self._announced: int | None = None
        self._retry_ns = FIRST_RETRY_NS
        self._retry_at_ns: int | None = None

    def open(self, context: TaskContext) -> None:
        """Open the source and see which splits are ours."""
        assert self._spec.splits is not None
        self._function.open(context)
        if self._resumed is not None:
            self._go_on(self._resumed)
            return
        self._waiting.extend(share(self._spec.splits, context.task.subtask, context.parallelism))
        self._share = len(self._waiting)

    def position(self) -> SplitPosition:
        """The splits still to be read, and how far those are that were begun with."""
        try:
            readings = tuple(reading.snapshot() for reading in self._readings)
        except BaseException as error:
            blame(self.name, NO_RECORD, error)
        return SplitPosition(tuple(self._waiting), readings, self._share)

    def reposition(self, position: SplitPosition) -> None:
        """See ``SourceInput``."""
        self._resumed = position

    def _go_on(self, position: SplitPosition) -> None:
        self._waiting.extend(position.waiting)
        self._readings.extend(_Reading(*reading) for reading in position.readings)
        self._share = position.share

    def take(self) -> Frame | None:
        """The next records of the split at hand, or of another."""
        if self._retry_at_ns is not None and self._clock() < self._retry_at_ns:
            return None
        if not (self._in_turn and self._waiting):
            for _ in range(len(self._readings)):
                if (frame := self._read(self._readings[0])) is not None:
                    return frame
        if self._waiting:
            return self._begin()
        if not self._readings:
            return self._end()
        self._retry_at_ns = self._clock() + self._retry_ns
        self._retry_ns = min(2 * self._retry_ns, LAST_RETRY_NS)
        return None

    def next_poll_ns(self) -> int | None:
        """See ``SourceInput``."""
        return self._retry_at_ns

    def stop(self, *, drain: bool) -> None:
        """See ``SourceInput``."""
        self._stop_time(drain=drain)
        self._retry_at_ns = None
        self._waiting.clear()
        self._close_readers()

    def close(self) -> None:
        """Close the readers and the source, whatever the first of them raises."""
        try:
            self._close_readers()
        finally:
            close_all([self._function])

    def _begin(self) -> Frame:
        """With the next split. Said at once: as long as nobody knows of it, it holds back event time."""
        reading = _Reading(self._share - len(self._waiting), self._waiting.popleft())
        self._readings.appendleft(reading)
        return Frame(self._announcement(reading))

    def _announcement(self, reading: _Reading) -> Split:
        self._announced = reading.number
        return Split(reading.number, self._share)

    def _read(self, reading: _Reading) -> Frame | None:
        """What there is of the split at hand, then perhaps another is at hand."""
        values = self._poll(reading)
        if values is None:
            self._readings.popleft()
            self._close_reader(reading)
            is_last = not self._readings and not self._waiting
            return None if is_last else Frame(Split(reading.number, self._share, has_ended=True))
        if not values or self._in_turn:
            self._readings.rotate(-1)
        if not values:
            return None
        self._retry_at_ns = None
        self._retry_ns = FIRST_RETRY_NS
        frame = self._frame(values)
        if reading.number != self._announced:
            frame.split = self._announcement(reading)
        return frame

    def _poll(self, reading: _Reading) -> list[Any] | None:
        values = self._polled(reading)
        if values is None or type(values) is list:
            return values
        found = TypeError(f"poll() of a split reader returns a list or None, found {type(values).__name__}")
        raise OperatorFailed(self.name, NO_RECORD, found)

    def _polled(self, reading: _Reading) -> Any:
        try:
            if reading.reader is None:
                reading.reader = self._opened(reading)
            return reading.reader.poll(self._pacer.rows)
        except PushedFailed as failed:
            blame(failed.operator, NO_RECORD, failed.error)
        except BaseException as error:
            blame(self.name, NO_RECORD, error)

    def _opened(self, reading: _Reading) -> SplitReader[Any]:
        source: SourceFunction[Any] = self._spec.source
        if reading.position is None:
            return source.open_split(reading.split)
        return source.open_split(reading.split, reading.position)

    def _close_readers(self) -> None:
        with ExitStack() as stack:
            while self._readings:
                stack.callback(self._close_reader, self._readings.popleft())

    def _close_reader(self, reading: _Reading) -> None:
        try:
            if reading.reader is not None:
                reading.reader.close()
        except BaseException as error:
            blame(self.name, NO_RECORD, error)
