"""One subtask in a harness: running operators in a row, and no task around them."""

from array import array
from collections.abc import Iterable, Iterator, Sequence

from sage_local.core.elements import MAX_TIMESTAMP, Element, Idleness, Rows, Watermark
from sage_local.plan import operators as specs
from sage_local.runtime.memory.layout import COUNTERS_PER_OPERATOR, COUNTERS_PER_WORKER
from sage_local.runtime.metrics.table import OperatorCounter, OperatorCounters, operator_index
from sage_local.runtime.operators.factory import build
from sage_local.runtime.operators.protocol import Operator, TaskContext
from sage_local.runtime.operators.timed import ClockTimed, EventTimed, ManyInputs, Stateful, WatermarkOrigin
from sage_local.runtime.state.snapshot import StateSnapshot


class Subtask:
    """Open from the start; whoever makes it closes it. What it returns is lazy, and to be gone through at once."""

    def __init__(
        self, operators: Sequence[specs.Operator], context: TaskContext, restored: dict[str, StateSnapshot]
    ) -> None:
        self.context = context
        self._counted = len(operators)
        self._cells = array("q", bytes(8 * (COUNTERS_PER_WORKER + COUNTERS_PER_OPERATOR * self._counted)))
        counters = [OperatorCounters(self._cells, place) for place in range(self._counted)]
        self._operators: list[Operator] = build(list(zip(operators, counters, strict=True)), context.settings)
        for operator in self._operators:
            if isinstance(operator, Stateful) and operator.name in restored:
                operator.restore(restored[operator.name])

    def open(self) -> None:
        """Open the operators, from the last to the first, as a task does."""
        for operator in reversed(self._operators):
            operator.open(self.context)

    @property
    def records_failed(self) -> int:
        """Records that ``on_error`` skipped or diverted."""
        places = (operator_index(place, OperatorCounter.RECORDS_FAILED) for place in range(self._counted))
        return sum(self._cells[place] for place in places)

    def push(self, rows: Rows, input_index: int) -> Iterator[Element]:
        """What comes of a batch."""
        first = self._operators[0]
        results = first.process_input(input_index, rows) if isinstance(first, ManyInputs) else first.process(rows)
        yield from self._through(results, 1)

    def pass_on(self, change: Watermark | Idleness) -> Iterator[Element]:
        """What comes of a watermark, or of all inputs being idle."""
        yield from self._through((change,), 0)

    def next_time_ms(self) -> int | None:
        """When ``advance_time`` is due."""
        times = (operator.next_time_ms() for operator in self._operators if isinstance(operator, ClockTimed))
        return min((time for time in times if time is not None), default=None)

    def advance_time(self, now_ms: int) -> Iterator[Element]:
        """What comes of the clock's time."""
        for index, operator in enumerate(self._operators):
            if isinstance(operator, ClockTimed) and (time := operator.next_time_ms()) is not None and time <= now_ms:
                yield from self._through(operator.advance_time(now_ms), index + 1)

    def end(self) -> Iterator[Element]:
        """What comes of the end of input."""
        yield from self._through((Watermark(MAX_TIMESTAMP),), 0)
        for index, operator in enumerate(self._operators):
            yield from self._through(operator.end(), index + 1)

    def snapshot(self) -> dict[str, StateSnapshot]:
        """The state of each operator that has any, by name."""
        return {operator.name: operator.snapshot() for operator in self._operators if isinstance(operator, Stateful)}

    def close(self) -> None:
        """Close all operators, and raise what the first of them raised."""
        first: BaseException | None = None
        for operator in self._operators:
            try:
                operator.close()
            except BaseException as error:
                first = first or error
        if first is not None:
            raise first

    def _through(self, elements: Iterable[Element], first: int) -> Iterator[Element]:
        stream = iter(elements)
        for operator in self._operators[first:]:
            stream = self._of(operator, stream)
        return stream

    def _of(self, operator: Operator, elements: Iterator[Element]) -> Iterator[Element]:
        for element in elements:
            if isinstance(element, Rows):
                yield from operator.process(element)
            elif isinstance(element, Watermark) and isinstance(operator, EventTimed):
                yield from operator.watermark(element)
            elif isinstance(element, Idleness) and isinstance(operator, WatermarkOrigin):
                yield from operator.idleness(element)
            else:
                yield element
