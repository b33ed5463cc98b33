"""One subtask of a chain: takes from its input, drives its operators, puts into its outputs.

Never blocks, keeps no more than it has room for.
"""

from collections.abc import Callable, Iterator, Sequence
from enum import Enum
from functools import partial
from itertools import chain

from sage_local.core.data import data
from sage_local.core.elements import Barrier, Element, EndOfStream, Idleness, Rows
from sage_local.runtime.channels.frame import Frame
from sage_local.runtime.channels.gate import Input
from sage_local.runtime.metrics.table import WorkerCounters
from sage_local.runtime.operators.protocol import Operator, TaskContext
from sage_local.runtime.operators.source import SourceInput
from sage_local.runtime.operators.user_function import UserFunction
from sage_local.runtime.protocol.pacing import Pacer
from sage_local.runtime.worker.explaining import Explaining
from sage_local.runtime.worker.flow import Flow
from sage_local.runtime.worker.outlets import Outlets
from sage_local.runtime.worker.task_checkpoints import TaskCheckpoints

_TICK = Idleness(idle=False)
"""Stands in the frame of a tick: the stream of what comes of it is made beside it."""
SLICE_NS = 5_000_000
"""A task with much output gives way to the others and to commands about this often."""


@data
class _Told:
    """What a source was told to do now; nothing at all without a frame."""

    frame: Frame | None


class TaskState(Enum):
    """The life of a task."""

    RUNNING = "running"
    SENDING = "sending"
    """Everything is closed; the last of the output waits for room."""
    COMMITTING = "committing"
    """All is sent; sinks still wait for the checkpoint that commits their last transactions."""
    FINISHED = "finished"
    CLOSED = "closed"
    """Failed or cancelled."""


class Task:
    """See the module.

    ``name`` is that of its last operator; ``selectors`` are the key selectors of its outgoing edges.
    """

    def __init__(
        self,
        context: TaskContext,
        *,
        name: str,
        upstream: Input | SourceInput,
        operators: Sequence[Operator],
        outlets: Outlets,
        selectors: Sequence[UserFunction],
        counters: WorkerCounters,
        clock: Callable[[], int],
        pacer: Pacer,
        checkpoints: TaskCheckpoints | None = None,
        explaining: Explaining | None = None,
    ) -> None:
        self.context = context
        self.explaining = explaining
        self.state = TaskState.RUNNING
        self.name = name
        self._input = upstream
        self._source = upstream if isinstance(upstream, SourceInput) else None
        self._operators = operators
        self._flow = Flow(operators, counters)
        self._outlets = outlets
        self._selectors = selectors
        self._counters = counters
        self._clock = clock
        self._pacer = pacer
        self._checkpoints = checkpoints
        self._frame: Frame | None = None
        self._stream: Iterator[Element] = iter(())
        self._rows_in = 0
        self._frame_ns = 0

    def open(self) -> None:
        """Open the functions, from the end of the chain to its beginning: a source may emit as soon as it is open."""
        if self._checkpoints is not None:
            self._checkpoints.restore()
        for selector in self._selectors:
            selector.open(self.context)
        for operator in reversed(self._operators):
            self._watched(operator.place, partial(operator.open, self.context))
        if self._source is not None:
            self._watched(self._source.place, partial(self._source.open, self.context))

    def step(self) -> bool:
        """Do what can be done now, up to a frame or a time slice; returns whether anything was.

        Raises ``OperatorFailed``.
        """
        if self.state is TaskState.SENDING:
            return self._send_rest()
        if self.state in (TaskState.COMMITTING, TaskState.FINISHED):
            return False
        captured = self._checkpoints is not None and self._checkpoints.advance(self._clock)
        starved = not self._find()
        moved = self._frame is not None and self._outlets.is_ready
        if moved:
            self._advance()
            if self.state is not TaskState.RUNNING:
                return True
            # Known now, so that what waits for company need not wait for the next round.
            starved = not self._find()
        return self._flush(starved=starved) or moved or captured

    def _find(self) -> bool:
        """Whether there is a frame at hand, or could be but for full outputs."""
        if self._frame is not None or not self._outlets.is_ready:
            return True
        if self._is_clocked:
            self._tick()
        return self._frame is not None or self._take()

    def stop(self, *, drain: bool) -> None:
        """If this is a source: read no further; with ``drain`` as if the input had ended."""
        if self._source is not None and self.state is TaskState.RUNNING:
            self._source.stop(drain=drain)

    def trigger(self, barrier: Barrier) -> None:
        """If this is a source: send ``barrier`` before reading on."""
        if self._source is not None and self._checkpoints is not None and self.state is TaskState.RUNNING:
            self._checkpoints.triggered.append(barrier)

    def suspend(self) -> None:
        """If this is a source: read no further, send nothing but barriers."""
        if self._source is not None and self._checkpoints is not None:
            self._checkpoints.is_suspended = True

    def complete(self, checkpoint: int) -> None:
        """``checkpoint`` is complete: sinks commit. The last of it may have been all that the task waited for."""
        if self._checkpoints is None or self.state in (TaskState.FINISHED, TaskState.CLOSED):
            return
        self._checkpoints.complete(checkpoint)
        if self.state is TaskState.COMMITTING and not self._checkpoints.waits_to_commit:
            self.state = TaskState.FINISHED
            self._close()

    def abandon(self, completed: int) -> None:
        """The execution ends: sinks commit what is complete and abort the rest."""
        if self._checkpoints is not None and self.state not in (TaskState.FINISHED, TaskState.CLOSED):
            self._checkpoints.abandon(completed)

    def next_timer_ns(self) -> int | None:
        """When ``step`` is worth a call without an event; ``None``: only after one."""
        times = [self._outlets.next_flush_ns()]
        if self._source is not None:
            times.append(self._source.next_poll_ns())
        if self._is_clocked and (time_ms := self._flow.next_time_ms()) is not None:
            times.append(self._clock() + max(0, time_ms - self.context.clock.now_ms()) * 1_000_000)
        return min((time for time in times if time is not None), default=None)

    def close(self) -> None:
        """Close every function, whether the task has failed or is not wanted any more.

        What was in flight is dropped.
        """
        if self.state in (TaskState.RUNNING, TaskState.SENDING, TaskState.COMMITTING):
            self.state = TaskState.CLOSED
            self._close()

    @property
    def _is_clocked(self) -> bool:
        """Whether time may make something happen: not behind the last barrier, where sinks have ended."""
        return self._flow.is_clocked and (self._checkpoints is None or not self._checkpoints.has_taken_last)

    @property
    def is_stuck(self) -> bool:
        """Whether the source's thread goes on though the task is closed."""
        return self._source is not None and self._source.is_stuck

    def _take(self) -> bool:
        """Get the next frame. A source's own work is counted as its operator's."""
        if self._source is None:
            self._frame = self._input.take()
        elif self._checkpoints is not None and (told := self._told(self._checkpoints)) is not None:
            self._frame = told.frame
        else:
            entered_ns = self._counters.enter(self._source.place)
            self._frame = self._source.take()
            self._frame_ns = self._counters.leave(self._source.place, entered_ns)
        if self._frame is None:
            return False
        element = self._frame.element
        if self._checkpoints is not None and self._checkpoints.was_finished and not isinstance(element, Barrier):
            # What it had to say was said in the execution before; it only ends again.
            self._stream = iter(())
        elif isinstance(element, EndOfStream):
            self._stream = self._flow.ending()
        elif isinstance(element, Barrier):
            self._stream = chain(self._flow.letting_go(), (element,))
        elif isinstance(element, Rows) and not element.values:
            # It only answers a turn: no operator has anything to do with it, and it carries no keys.
            self._stream = iter(())
        else:
            self._stream = self._flow.of(self._frame)
            if isinstance(element, Rows):
                self._rows_in += len(element.values)
        return True

    def _told(self, checkpoints: TaskCheckpoints) -> "_Told | None":
        """What a source does instead of reading on; ``None``: nothing."""
        if checkpoints.triggered:
            return _Told(Frame(checkpoints.triggered.popleft()))
        if checkpoints.was_finished:
            return _Told(Frame(EndOfStream()))
        return _Told(None) if checkpoints.is_suspended else None

    def _tick(self) -> None:
        """If it is time for one of the operators, let that be the next frame."""
        now_ms = self.context.clock.now_ms()
        time_ms = self._flow.next_time_ms()
        if time_ms is not None and time_ms <= now_ms:
            # A single subtask numbers its own turns; of several that keep turns, none has timers: those come behind a
            # hash.
            self._frame = Frame(_TICK, ends_turn=self.context.parallelism == 1)
            self._stream = self._flow.ticking(now_ms)

    def _advance(self) -> None:
        """Go on with the frame at hand until it is done, an output is full or the time slice over."""
        started_ns = self._clock()
        while (element := next(self._stream, None)) is not None:
            self._outlets.emit(element)
            if not self._outlets.is_ready or self._clock() - started_ns > SLICE_NS:
                self._frame_ns += self._clock() - started_ns
                return
        self._frame_ns += self._clock() - started_ns
        self._complete()

    def _complete(self) -> None:
        frame, self._frame = self._frame, None
        assert frame is not None
        if isinstance(frame.element, EndOfStream):
            self._finish()
            return
        if isinstance(frame.element, Barrier) and self._checkpoints is not None:
            self._checkpoints.take(frame.element)
            return
        if frame.ends_turn:
            self._outlets.end_turn()
        if self._source is not None and isinstance(frame.element, Rows):
            self._pacer.observe(len(frame.element.values), self._frame_ns, self._slowest_per_ns())

    def _slowest_per_ns(self) -> float | None:
        """In source records: what comes out of the chain may be more or fewer."""
        slowest = self._outlets.slowest_per_ns()
        if slowest is None or not self._outlets.rows:
            return None
        return slowest * self._rows_in / self._outlets.rows

    def _finish(self) -> None:
        # Closed before the end is announced: if a close() raises, nobody downstream takes the job for done.
        self.state = TaskState.SENDING
        if self._checkpoints is not None:
            self._checkpoints.end()
        if self._checkpoints is None or not self._checkpoints.waits_to_commit:
            self._close()
        self._outlets.end()
        self._send_rest()

    def _send_rest(self) -> bool:
        moved = self._flush(starved=True)
        if self._outlets.is_sent:
            waits = self._checkpoints is not None and self._checkpoints.waits_to_commit
            self.state = TaskState.COMMITTING if waits else TaskState.FINISHED
            return True
        return moved

    def _flush(self, *, starved: bool) -> bool:
        return self._outlets.flush(self._clock(), starved=starved)

    def _watched(self, place: int, act: Callable[[], None]) -> None:
        """``act`` of user code that may never return: what it is in is shown meanwhile."""
        entered_ns = self._counters.enter(place)
        try:
            act()
        finally:
            self._counters.leave(place, entered_ns)

    def _close(self) -> None:
        self._stream = iter(())
        closes: list[Callable[[], None]] = [each.close for each in self._selectors]
        closes += [partial(self._watched, each.place, each.close) for each in self._operators]
        if self._source is not None:
            closes.append(partial(self._watched, self._source.place, self._source.close))
        first: BaseException | None = None
        for close in closes:
            try:
                close()
            except BaseException as error:
                first = first or error
        if first is not None:
            raise first
