"""Reading split sources: the beginning of a chain."""

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable
from typing import Any

from sage_local.core.data import data
from sage_local.core.elements import MAX_TIMESTAMP, EndOfStream, Rows, SplitStart, Watermark
from sage_local.functions.source import SplitReader
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
    """``at_hand``: the split being read, and its reader's snapshot. ``announced``: its start is known to the task."""

    splits: tuple[Any, ...]
    at_hand: tuple[Any, Any] | None
    share: int
    announced: bool


class SplitInput(SourceInput):
    """Reads its share of the splits, one after another. ``pacer`` says how much at a time."""

    def __init__(self, spec: specs.Source, counters: OperatorCounters, pacer: Pacer, clock: Callable[[], int]) -> None:
        super().__init__(spec, counters, pacer)
        self._clock = clock
        self._splits: deque[Any] = deque()
        self._split: Any = None
        self._resumed: SplitPosition | None = None
        self._resumed_split: tuple[Any, Any] | None = None
        self._share = 0
        self._announced = False
        self._reader: SplitReader[Any] | None = None
        self._retry_ns = FIRST_RETRY_NS
        self._retry_at_ns: int | None = None

    def open(self, context: TaskContext) -> None:
        """Open the source and see which splits are ours."""
        assert self._spec.splits is not None
        self._function.open(context)
        if self._resumed is not None:
            self._go_on(self._resumed)
            return
        self._splits.extend(share(self._spec.splits, context.task.subtask, context.parallelism))
        self._share = len(self._splits)

    def position(self) -> SplitPosition:
        """The splits still to be read, and how far the one at hand was."""
        at_hand = self._resumed_split
        if self._reader is not None:
            try:
                at_hand = (self._split, self._reader.snapshot())
            except BaseException as error:
                blame(self.name, NO_RECORD, error)
        return SplitPosition(tuple(self._splits), at_hand, self._share, self._announced)

    def reposition(self, position: SplitPosition) -> None:
        """See ``SourceInput``."""
        self._resumed = position

    def _go_on(self, position: SplitPosition) -> None:
        self._splits.extend(position.splits)
        self._resumed_split = position.at_hand
        self._share = position.share
        self._announced = position.announced

    def take(self) -> Frame | None:
        """The next records of the split at hand, or of the one after it."""
        if self._retry_at_ns is not None and self._clock() < self._retry_at_ns:
            return None
        while self._reader is not None or self._resumed_split is not None or self._splits:
            if self._reader is None and self._share > 1 and not self._announced:
                self._announced = True
                return Frame(SplitStart(self._share - len(self._splits), self._share))
            values = self._poll()
            if values:
                self._retry_at_ns = None
                self._retry_ns = FIRST_RETRY_NS
                return self._frame(values)
            if values is not None:
                self._retry_at_ns = self._clock() + self._retry_ns
                self._retry_ns = min(2 * self._retry_ns, LAST_RETRY_NS)
                return None
            self._close_reader()
            self._announced = False
        return self._end()

    def next_poll_ns(self) -> int | None:
        """See ``SourceInput``."""
        return self._retry_at_ns

    def stop(self, *, drain: bool) -> None:
        """See ``SourceInput``."""
        self._stop_time(drain=drain)
        self._retry_at_ns = None
        self._splits.clear()
        if self._reader is not None:
            self._close_reader()

    def close(self) -> None:
        """Close the reader at hand and the source, whatever the first of them raises."""
        try:
            if self._reader is not None:
                self._close_reader()
        finally:
            close_all([self._function])

    def _poll(self) -> list[Any] | None:
        try:
            if self._reader is None:
                self._reader = self._opened_reader()
            values = self._reader.poll(self._pacer.rows)
        except BaseException as error:
            blame(self.name, NO_RECORD, error)
        if values is None or type(values) is list:
            return values
        found = TypeError(f"poll() of a split reader returns a list or None, found {type(values).__name__}")
        raise OperatorFailed(self.name, NO_RECORD, found)

    def _opened_reader(self) -> SplitReader[Any]:
        source = self._spec.source
        reader: SplitReader[Any]
        if self._resumed_split is not None:
            self._split, position = self._resumed_split
            reader = source.open_split(self._split, position)
            self._resumed_split = None
        else:
            self._split = self._splits.popleft()
            reader = source.open_split(self._split)
        return reader

    def _close_reader(self) -> None:
        reader, self._reader = self._reader, None
        assert reader is not None
        try:
            reader.close()
        except BaseException as error:
            blame(self.name, NO_RECORD, error)
