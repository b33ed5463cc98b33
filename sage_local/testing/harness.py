"""A harness around one operator: a test pushes records and time, and reads what comes out, all in its own thread."""

import pickle
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Generic, NamedTuple, Self, TypeVar

from sage_local.api.datastream import DataStream, DataStreamSink
from sage_local.core.clock import ManualClock
from sage_local.core.elements import Element, Idleness, Rows, Side, Watermark
from sage_local.core.ids import TaskId
from sage_local.errors import FunctionError, OperatorError
from sage_local.functions import OutputTag
from sage_local.runtime.job import Deployment
from sage_local.runtime.launcher.serialization import pickle_deployment
from sage_local.runtime.operators.protocol import TaskContext
from sage_local.runtime.protocol.blame import NO_RECORD, OperatorFailed
from sage_local.runtime.protocol.watermarks import InputWatermarks
from sage_local.runtime.state.snapshot import StateSnapshot
from sage_local.testing.differences import text
from sage_local.testing.harness_plan import plan_of
from sage_local.testing.harness_router import Router
from sage_local.testing.harness_subtask import Subtask
from sage_local.windowing.duration import Duration, not_negative_ms
from sage_local.windowing.timestamps import event_time_ms

T = TypeVar("T")


class Stamped(NamedTuple):
    """A record with its event time in ms since the epoch; ``None`` where it has none."""

    value: Any
    timestamp: int | None


@dataclass(frozen=True, slots=True)
class HarnessSnapshot:
    """The state of all subtasks of a harness, for another one of the same operators at any parallelism."""

    operators: dict[str, StateSnapshot]
    watermarks: tuple[int, ...]
    """Of each input."""


class OperatorHarness(Generic[T]):
    """Runs what ``build`` puts behind its streams: an operator, or neighbours that would run as one task.

    ``build`` gets as many streams as it has parameters, and uses them as in a program::

        with OperatorHarness(lambda orders: orders.key_by("user").process(Sessions())) as harness:
            harness.push({"user": "ada"}, timestamp=1_000)
            harness.watermark(10_000)
            assert harness.output() == [...]

    All happens in the calls, in this thread: no process, no waiting, no clock but ``clock``. Functions make the way to
    a worker all the same, so each subtask has copies of its own; records are not copied. At a ``parallelism`` above 1 a
    record goes to the subtask that its key (or its turn) belongs to. What user code raises comes out as
    ``OperatorError``, and the harness is of no use but to be closed. ``restore`` takes the snapshot of another harness.
    """

    def __init__(
        self,
        build: Callable[..., DataStream[T] | DataStreamSink],
        *,
        parallelism: int = 1,
        restore: HarnessSnapshot | None = None,
        clock_ms: int = 0,
        config: Mapping[str, object] | None = None,
    ) -> None:
        planned = plan_of(build, parallelism, config)
        self.clock = ManualClock(clock_ms)
        """Processing time, in ms since the epoch. Move it with ``advance``, so that what is due happens."""
        self._inputs = len(planned.entries)
        self._watermarks = InputWatermarks(self._inputs)
        self._elements: list[Element] = []
        self._is_open = True
        self._is_closed = False
        self._subtasks: list[Subtask] = []
        pickled = pickle_deployment(Deployment(planned.plan))
        for number in range(parallelism):
            plan = pickle.loads(pickled).plan
            task = TaskId(planned.chain.id, number)
            context = TaskContext(plan.job_name, task, parallelism, plan.settings, self.clock)
            operators = plan.chains[planned.chain.id].operators[planned.first_operator :]
            self._subtasks.append(Subtask(operators, context, {} if restore is None else restore.operators))
        self._router = Router(planned, self._subtasks[0].context)
        self._begin(restore)

    def _begin(self, restore: HarnessSnapshot | None) -> None:
        try:
            with _blamed(self._subtasks[0]):
                self._router.open()
            for subtask in self._subtasks:
                with _blamed(subtask):
                    subtask.open()
        except BaseException:
            self._close_quietly()
            raise
        if restore is not None:
            for number, timestamp in enumerate(restore.watermarks):
                self._watermarks.advance(number, timestamp)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if error is None:
            self.close()
        else:
            self._close_quietly()

    def push(self, *values: Any, timestamp: Any = None, stream: int = 0) -> None:
        """Let ``values`` come by input ``stream`` as one batch, all with the event time ``timestamp``."""
        self._expect_open()
        self._expect_stream(stream)
        stamp = None if timestamp is None else event_time_ms(timestamp)
        stamps = None if stamp is None else [stamp] * len(values)
        with _blamed(self._subtasks[0]):
            routed = list(self._router.routed(stream, Rows(list(values), None, stamps)))
        for number, index, rows in routed:
            subtask = self._subtasks[number]
            self._run(subtask, subtask.push(rows, index))

    def push_all(self, records: Iterable[tuple[Any, Any]], *, stream: int = 0) -> None:
        """Let each ``(value, timestamp)`` of ``records`` come by itself."""
        for value, timestamp in records:
            self.push(value, timestamp=timestamp, stream=stream)

    def watermark(self, timestamp: Any, *, stream: int | None = None) -> None:
        """Event time has come to ``timestamp`` on input ``stream``, or on all. The operator hears the least of all."""
        self._expect_open()
        for number in self._numbers(stream):
            for change in self._watermarks.advance(number, event_time_ms(timestamp)):
                self._tell(change)

    def idle(self, *, stream: int | None = None) -> None:
        """Do not wait for the watermark of input ``stream`` until its next one."""
        self._expect_open()
        for number in self._numbers(stream):
            for change in self._watermarks.set_idle(number, True):
                self._tell(change)

    def advance(self, by: Duration) -> None:
        """Move the clock. What becomes due on the way happens at its own time, in order."""
        self._expect_open()
        until_ms = self.clock.now_ms() + not_negative_ms(by, "advance()")
        while (due_ms := self._next_time_ms()) is not None and due_ms <= until_ms:
            self.clock.set(max(due_ms, self.clock.now_ms()))
            for subtask in self._subtasks:
                self._run(subtask, subtask.advance_time(self.clock.now_ms()))
        self.clock.set(until_ms)

    def end(self) -> None:
        """End the input: event time comes to its end, timers and windows fire. Nothing can be pushed after it."""
        self._expect_open()
        self._is_open = False
        for subtask in self._subtasks:
            self._run(subtask, subtask.end())

    def output(self) -> list[T]:
        """The records of the main output since the last call of this or ``stamped_output``."""
        return [record.value for record in self.stamped_output()]

    def stamped_output(self) -> list[Stamped]:
        """As ``output``, each with its event time."""
        taken = [element for element in self._elements if isinstance(element, Rows)]
        self._elements = [element for element in self._elements if not isinstance(element, Rows)]
        return [record for rows in taken for record in _stamped(rows)]

    def side_output(self, tag: OutputTag[Any]) -> list[Any]:
        """The records of a side output since the last call for it."""
        return [record.value for record in self.stamped_side_output(tag)]

    def stamped_side_output(self, tag: OutputTag[Any]) -> list[Stamped]:
        """As ``side_output``, each with its event time."""
        if not isinstance(tag, OutputTag):
            raise FunctionError(f"side_output() takes an OutputTag, found {tag!r}")
        taken = [element.rows for element in self._elements if isinstance(element, Side) and element.tag == tag.name]
        self._elements = [each for each in self._elements if not (isinstance(each, Side) and each.tag == tag.name)]
        return [record for rows in taken for record in _stamped(rows)]

    def watermarks(self) -> list[int]:
        """The watermarks that came out since the last call; at a ``parallelism`` above 1 those of every subtask."""
        taken = [element.timestamp for element in self._elements if isinstance(element, Watermark)]
        self._elements = [element for element in self._elements if not isinstance(element, Watermark)]
        return taken

    @property
    def records_failed(self) -> int:
        """Records that ``on_error`` skipped or diverted so far."""
        return sum(subtask.records_failed for subtask in self._subtasks)

    def snapshot(self) -> HarnessSnapshot:
        """State and timers of all subtasks, as a checkpoint would have them; the harness goes on as before."""
        self._expect_open()
        parts: dict[str, list[StateSnapshot]] = {}
        for subtask in self._subtasks:
            with _blamed(subtask):
                for name, state in subtask.snapshot().items():
                    parts.setdefault(name, []).append(state)
        joined = {name: StateSnapshot.joined(each) for name, each in parts.items()}
        return HarnessSnapshot(joined, tuple(self._watermarks.of(number)[0] for number in range(self._inputs)))

    def close(self) -> None:
        """Close the functions. Reading outputs still works. Called by the end of the ``with`` block."""
        if self._is_closed:
            return
        self._is_open, self._is_closed = False, True
        first: BaseException | None = None
        for subtask in self._subtasks:
            try:
                with _blamed(subtask):
                    subtask.close()
            except BaseException as error:
                first = first or error
        self._router.close()
        if first is not None:
            raise first

    def _close_quietly(self) -> None:
        # What a function says to its close() after a failure is a consequence of that.
        with suppress(OperatorError):
            self.close()

    def _tell(self, change: Watermark | Idleness) -> None:
        for subtask in self._subtasks:
            self._run(subtask, subtask.pass_on(change))

    def _next_time_ms(self) -> int | None:
        times = (subtask.next_time_ms() for subtask in self._subtasks)
        return min((time for time in times if time is not None), default=None)

    def _run(self, subtask: Subtask, elements: Iterator[Element]) -> None:
        """What came out before a failure stays."""
        with _blamed(subtask):
            self._elements.extend(elements)

    def _numbers(self, stream: int | None) -> range | tuple[int]:
        if stream is None:
            return range(self._inputs)
        self._expect_stream(stream)
        return (stream,)

    def _expect_open(self) -> None:
        if not self._is_open:
            raise RuntimeError("the harness was closed, or its input has ended")

    def _expect_stream(self, number: int) -> None:
        if not 0 <= number < self._inputs:
            raise IndexError(f"stream: expected a number below {self._inputs}, one for each stream; found {number}")


@contextmanager
def _blamed(subtask: Subtask) -> Iterator[None]:
    """User code that fails is told of as by a job."""
    try:
        yield
    except OperatorFailed as failed:
        error = failed.error
        record = None if failed.record is NO_RECORD else text(failed.record)
        reason = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        context = subtask.context
        raise OperatorError(failed.operator, context.task.subtask, context.parallelism, record, reason) from error


def _stamped(rows: Rows) -> Iterator[Stamped]:
    stamps = rows.timestamps if rows.timestamps is not None else [None] * len(rows.values)
    return (Stamped(value, stamp) for value, stamp in zip(rows.values, stamps, strict=True))
