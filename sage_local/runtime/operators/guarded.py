"""``on_error`` around any operator: what its user's code fails on is diverted, and the operator goes on."""

from collections.abc import Callable, Iterable, Iterator

from sage_local.core.elements import Element, Rows, Watermark
from sage_local.functions.output_tag import OnError
from sage_local.runtime.metrics.table import OperatorCounters
from sage_local.runtime.operators.failures import Diversion
from sage_local.runtime.operators.protocol import Operator, TaskContext
from sage_local.runtime.operators.timed import ClockTimed, Diverting, EventTimed, ManyInputs, Sliced, Stateful
from sage_local.runtime.protocol.blame import OperatorFailed
from sage_local.runtime.state.snapshot import StateSnapshot


class Guarded:
    """Hands records to ``inner`` one by one, so that a failing one takes no other with it.

    Dear, but of any operator; what a ``map`` or ``filter`` does for itself (``RecordWise``) costs a tenth.
    """

    def __init__(self, inner: Operator, on_error: OnError, counters: OperatorCounters) -> None:
        self.name = inner.name
        self.place = inner.place
        self.inner = inner
        self._on_error = on_error
        self._counters = counters

    def open(self, context: TaskContext) -> None:
        """Open the operator. What fails here fails the job."""
        self._diversion = Diversion(self._on_error, self._counters, context.clock, context.task.subtask)
        if isinstance(self.inner, Diverting):
            self.inner.divert = self._diversion.divert
        self.inner.open(context)

    def process(self, rows: Rows) -> Iterator[Element]:
        """Every record for itself."""
        yield from self._one_by_one(rows, self.inner.process)

    def process_input(self, index: int, rows: Rows) -> Iterator[Element]:
        """See ``ManyInputs``; an operator of one input takes it as such."""
        inner = self.inner
        if isinstance(inner, ManyInputs):
            yield from self._one_by_one(rows, lambda row: inner.process_input(index, row))
        else:
            yield from self._one_by_one(rows, inner.process)

    def watermark(self, watermark: Watermark) -> Iterator[Element]:
        """See ``EventTimed``."""
        inner = self.inner
        if isinstance(inner, EventTimed):
            yield from self._until_done(lambda: inner.watermark(watermark))
        else:
            yield watermark

    def next_time_ms(self) -> int | None:
        """See ``ClockTimed``."""
        return self.inner.next_time_ms() if isinstance(self.inner, ClockTimed) else None

    def advance_time(self, now_ms: int) -> Iterator[Element]:
        """See ``ClockTimed``."""
        inner = self.inner
        if isinstance(inner, ClockTimed):
            yield from self._until_done(lambda: inner.advance_time(now_ms))

    def end(self) -> Iterable[Element]:
        """See ``Operator``. There is no record to divert: what fails here fails the job."""
        return self.inner.end()

    def close(self) -> None:
        """Close the operator."""
        self.inner.close()

    def snapshot(self) -> StateSnapshot:
        """See ``Stateful``."""
        return self.inner.snapshot() if isinstance(self.inner, Stateful) else StateSnapshot()

    def capture(self, *, changes_only: bool) -> StateSnapshot:
        """See ``Sliced``; of an operator without slices all at once."""
        return self.inner.capture(changes_only=changes_only) if isinstance(self.inner, Sliced) else self.snapshot()

    def restore(self, snapshot: StateSnapshot) -> None:
        """See ``Stateful``."""
        if isinstance(self.inner, Stateful):
            self.inner.restore(snapshot)

    def _one_by_one(self, rows: Rows, process: Callable[[Rows], Iterable[Element]]) -> Iterator[Element]:
        keys, stamps = rows.keys, rows.timestamps
        for index, value in enumerate(rows.values):
            stamp = None if stamps is None else stamps[index]
            row = Rows([value], None if keys is None else [keys[index]], None if stamp is None else [stamp])
            try:
                yield from process(row)
            except OperatorFailed as failed:
                side = self._diversion.divert(failed, stamp)
                if side is not None:
                    yield side

    def _until_done(self, work: Callable[[], Iterable[Element]]) -> Iterator[Element]:
        """Go on behind what failed, until nothing does: it is gone from the operator's state by then."""
        while True:
            try:
                yield from work()
            except OperatorFailed as failed:
                side = self._diversion.divert(failed)
                if side is not None:
                    yield side
            else:
                return
