"""One subtask of a chain: takes from its input, drives its operators, puts into its outputs.

Never blocks, keeps no more than it has room for.
"""

import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from enum import Enum
from functools import partial

from sage_local.core.data import data
from sage_local.core.elements import Barrier, Element, EndOfStream, Idleness, Rows, Side, SplitStart, Watermark
from sage_local.plan.physical import SideTag
from sage_local.runtime.channels.frame import Frame
from sage_local.runtime.channels.gate import Input
from sage_local.runtime.channels.outbox import Output
from sage_local.runtime.metrics.table import WorkerCounters
from sage_local.runtime.operators.protocol import Operator, TaskContext
from sage_local.runtime.operators.source import SourceInput
from sage_local.runtime.operators.timed import ClockTimed, EventTimed, ManyInputs, WatermarkOrigin
from sage_local.runtime.operators.user_function import UserFunction
from sage_local.runtime.protocol.blame import NO_RECORD, blame
from sage_local.runtime.protocol.pacing import Pacer
from sage_local.runtime.worker.explaining import Explaining
from sage_local.runtime.worker.task_checkpoints import TaskCheckpoints

_TICK = Idleness(idle=False)
"""Stands in the frame of a tick: the stream of what comes of it is made beside it."""
SLICE_NS = 5_000_000
"""A task with much output gives way to the others and to commands about this often."""

Copy = Callable[[Rows], Rows]


@data
class _SideOf(Side):
    """A side output on its way through the rest of the chain, with the name of the operator it is of."""

    operator: str


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

    ``selectors`` are the key selectors of its outgoing edges; ``copy`` makes the rows of further branches.
    """

    def __init__(
        self,
        context: TaskContext,
        *,
        name: str,
        upstream: Input | SourceInput,
        operators: Sequence[Operator],
        outputs: Sequence[Output],
        tags: Sequence[SideTag | None],
        unread: set[SideTag],
        selectors: Sequence[UserFunction],
        counters: WorkerCounters,
        clock: Callable[[], int],
        copy: Copy,
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
        self._outputs = outputs
        self._main = [output for output, tag in zip(outputs, tags, strict=True) if tag is None]
        self._sides: dict[SideTag, list[Output]] = {}
        for output, tag in zip(outputs, tags, strict=True):
            if tag is not None:
                self._sides.setdefault(tag, []).append(output)
        self._unread = unread
        # Asked once: a look at all that a protocol names takes longer than many a batch.
        self._clocked = [operator for operator in operators if isinstance(operator, ClockTimed)]
        self._many_inputs: dict[Operator, ManyInputs] = {
            each: each for each in operators if isinstance(each, ManyInputs)
        }
        self._event_timed: dict[Operator, EventTimed] = {
            each: each for each in operators if isinstance(each, EventTimed)
        }
        self._origins: dict[Operator, WatermarkOrigin] = {
            each: each for each in operators if isinstance(each, WatermarkOrigin)
        }
        self._selectors = selectors
        self._counters = counters
        self._clock = clock
        self._copy = copy
        self._pacer = pacer
        self._checkpoints = checkpoints
        self._frame: Frame | None = None
        self._stream: Iterator[Element] = iter(())
        self._rows_in = 0
        self._rows_out = 0
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
        starved = not self._find()
        moved = self._frame is not None and self._ready
        if moved:
            self._advance()
            if self.state is not TaskState.RUNNING:
                return True
            # Known now, so that what waits for company need not wait for the next round.
            starved = not self._find()
        return self._flush(starved=starved) or moved

    def _find(self) -> bool:
        """Whether there is a frame at hand, or could be but for full outputs."""
        if self._frame is not None or not self._ready:
            return True
        if self._clocked:
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
        times = [output.next_flush_ns() for output in self._outputs]
        if self._source is not None:
            times.append(self._source.next_poll_ns())
        if self._clocked:
            now_ms, now_ns = self.context.clock.now_ms(), self._clock()
            waits_ms = [time - now_ms for operator in self._clocked if (time := operator.next_time_ms()) is not None]
            times += [now_ns + max(0, wait_ms) * 1_000_000 for wait_ms in waits_ms]
        return min((time for time in times if time is not None), default=None)

    def close(self) -> None:
        """Close every function, whether the task has failed or is not wanted any more.

        What was in flight is dropped.
        """
        if self.state in (TaskState.RUNNING, TaskState.SENDING, TaskState.COMMITTING):
            self.state = TaskState.CLOSED
            self._close()

    @property
    def _ready(self) -> bool:
        return all(output.is_ready for output in self._outputs)

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
            self._stream = self._ending()
        elif isinstance(element, Barrier):
            self._stream = iter((element,))
        elif isinstance(element, Rows) and not element.values:
            # It only answers a turn: no operator has anything to do with it, and it carries no keys.
            self._stream = iter(())
        else:
            self._stream = self._flow(self._operators, iter((element,)))
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
        due = [each for each in self._clocked if (time := each.next_time_ms()) is not None and time <= now_ms]
        if due:
            # A single subtask numbers its own turns; of several that keep turns, none has timers: those come behind a
            # hash.
            self._frame = Frame(_TICK, ends_turn=self.context.parallelism == 1)
            self._stream = self._ticking(due, now_ms)

    def _ticking(self, due: Sequence[ClockTimed], now_ms: int) -> Iterator[Element]:
        timed = {id(operator): operator for operator in due}
        for index, operator in enumerate(self._operators):
            if (clocked := timed.get(id(operator))) is not None:
                work = partial(clocked.advance_time, now_ms)
                yield from self._flow(self._operators[index + 1 :], self._timed(operator, work))

    def _advance(self) -> None:
        """Go on with the frame at hand until it is done, an output is full or the time slice over."""
        started_ns = self._clock()
        while (element := next(self._stream, None)) is not None:
            self._emit(element)
            if not self._ready or self._clock() - started_ns > SLICE_NS:
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
            for output in self._outputs:
                output.end_turn()
        if self._source is not None and isinstance(frame.element, Rows):
            self._pacer.observe(len(frame.element.values), self._frame_ns, self._slowest_per_ns())

    def _slowest_per_ns(self) -> float | None:
        """In source records: what comes out of the chain may be more or fewer."""
        rates = [rate for output in self._outputs if (rate := output.consumed_per_ns) is not None]
        if not rates or not self._rows_out:
            return None
        return min(rates) * self._rows_in / self._rows_out

    def _finish(self) -> None:
        # Closed before the end is announced: if a close() raises, nobody downstream takes the job for done.
        self.state = TaskState.SENDING
        if self._checkpoints is not None:
            self._checkpoints.end()
        if self._checkpoints is None or not self._checkpoints.waits_to_commit:
            self._close()
        for output in self._outputs:
            output.end_turn()
            output.end()
        self._send_rest()

    def _send_rest(self) -> bool:
        moved = self._flush(starved=True)
        if all(output.is_sent for output in self._outputs):
            waits = self._checkpoints is not None and self._checkpoints.waits_to_commit
            self.state = TaskState.COMMITTING if waits else TaskState.FINISHED
            return True
        return moved

    def _flush(self, *, starved: bool) -> bool:
        now_ns = self._clock()
        moved = False
        for output in self._outputs:
            moved = output.flush(now_ns, starved=starved) or moved
        return moved

    def _emit(self, element: Element) -> None:
        if isinstance(element, Rows):
            self._rows_out += len(element.values)
            self._put(element, self._main)
        elif isinstance(element, _SideOf):
            self._put(element.rows, self._readers(SideTag(element.operator, element.tag)))
        elif not isinstance(element, SplitStart):
            for output in self._outputs:
                output.pass_on(element)

    def _readers(self, tag: SideTag) -> list[Output]:
        readers = self._sides.get(tag, [])
        if not readers and tag not in self._unread:
            self._unread.add(tag)
            warnings.warn(
                f"operator {tag.operator!r} writes to the side output {tag.tag!r}, which nobody reads: its records are"
                " dropped; read it with side_output(), or do not write it",
                stacklevel=1,
            )
        return readers

    def _put(self, rows: Rows, outputs: Sequence[Output]) -> None:
        try:
            for output in outputs[1:]:
                output.put(self._copy(rows))
            for output in outputs[:1]:
                output.put(rows)
        except BaseException as error:
            # A record that can not be pickled, most likely: it came from the last operator.
            blame(self.name, NO_RECORD, error)

    def _ending(self) -> Iterator[Element]:
        for index, operator in enumerate(self._operators):
            yield from self._flow(self._operators[index + 1 :], self._timed(operator, operator.end))

    def _flow(self, operators: Sequence[Operator], stream: Iterator[Element]) -> Iterator[Element]:
        for operator in operators:
            stream = self._through(operator, stream)
        return stream

    def _through(self, operator: Operator, stream: Iterator[Element]) -> Iterator[Element]:
        for element in stream:
            work = self._work(operator, element)
            if work is None:
                yield element
            else:
                yield from self._timed(operator, work)

    def _work(self, operator: Operator, element: Element) -> Callable[[], Iterable[Element]] | None:
        """What ``operator`` does with ``element``; ``None``: it has nothing to do with it."""
        if isinstance(element, Rows):
            # Only an operator at the head of its chain has several inputs, so the frame at hand is the element's.
            if self._frame is not None and (joint := self._many_inputs.get(operator)) is not None:
                return partial(joint.process_input, self._frame.input_index, element)
            return partial(operator.process, element)
        if isinstance(element, Watermark) and (timed := self._event_timed.get(operator)) is not None:
            return partial(timed.watermark, element)
        origin = self._origins.get(operator)
        if isinstance(element, SplitStart) and origin is not None:
            return partial(origin.split_start, element)
        if isinstance(element, Idleness) and origin is not None:
            return partial(origin.idleness, element)
        return None

    def _timed(self, operator: Operator, work: Callable[[], Iterable[Element]]) -> Iterator[Element]:
        """What ``work`` gives, with the time it takes counted and the operator shown as being at work."""
        counters, place = self._counters, operator.place
        entered_ns = counters.enter(place)
        made = work()
        if type(made) is tuple:
            # Nothing is left to be made when the next one is asked for.
            counters.leave(place, entered_ns)
            for element in made:
                yield _SideOf(element.tag, element.rows, operator.name) if isinstance(element, Side) else element
            return
        results = iter(made)
        while True:
            element = next(results, None)
            counters.leave(place, entered_ns)
            if element is None:
                return
            yield _SideOf(element.tag, element.rows, operator.name) if isinstance(element, Side) else element
            entered_ns = counters.enter(place)

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
