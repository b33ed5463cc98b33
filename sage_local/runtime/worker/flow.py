"""How elements pass through the operators of a chain, with the time counted that each of them takes."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial

from sage_local.core.data import data
from sage_local.core.elements import Element, Idleness, Rows, Side, Split, Watermark
from sage_local.runtime.channels.frame import Frame
from sage_local.runtime.metrics.table import WorkerCounters
from sage_local.runtime.operators.protocol import Operator
from sage_local.runtime.operators.timed import ClockTimed, EventTimed, Holding, ManyInputs, WatermarkOrigin

Work = Callable[[], Iterable[Element]]


@data
class SideOf(Side):
    """A side output on its way through the rest of the chain, with the name of the operator it is of."""

    operator: str


class Flow:
    """The operators of one task. What it returns is made as it is asked for, so it can be left half way."""

    def __init__(self, operators: Sequence[Operator], counters: WorkerCounters) -> None:
        self._operators = operators
        self._counters = counters
        # Asked once: a look at all that a protocol names takes longer than many a batch.
        self._clocked = [(index, each) for index, each in enumerate(operators) if isinstance(each, ClockTimed)]
        self.is_clocked = bool(self._clocked)
        """Whether any operator knows processing time."""
        self._many_inputs: dict[Operator, ManyInputs] = {
            each: each for each in operators if isinstance(each, ManyInputs)
        }
        self._event_timed: dict[Operator, EventTimed] = {
            each: each for each in operators if isinstance(each, EventTimed)
        }
        self._origins: dict[Operator, WatermarkOrigin] = {
            each: each for each in operators if isinstance(each, WatermarkOrigin)
        }
        self._holding: dict[Operator, Holding] = {each: each for each in operators if isinstance(each, Holding)}

    def of(self, frame: Frame) -> Iterator[Element]:
        """What comes of ``frame``."""
        stream: Iterator[Element] = iter((frame.element,) if frame.split is None else (frame.split, frame.element))
        for operator in self._operators:
            stream = self._through(operator, stream, frame.input_index)
        return stream

    def letting_go(self) -> Iterator[Element]:
        """What operators hold back, before a barrier."""
        for index, operator in enumerate(self._operators):
            if (holding := self._holding.get(operator)) is not None:
                yield from self._behind(index, holding.let_go)

    def ending(self) -> Iterator[Element]:
        """What is left in the operators at the end of input."""
        for index, operator in enumerate(self._operators):
            yield from self._behind(index, operator.end)

    def next_time_ms(self) -> int | None:
        """When ``ticking`` is due, by the clock of the task's context."""
        times = (operator.next_time_ms() for _, operator in self._clocked)
        return min((time for time in times if time is not None), default=None)

    def ticking(self, now_ms: int) -> Iterator[Element]:
        """What comes of the clock having reached ``now_ms``."""
        for index, operator in self._clocked:
            if (time := operator.next_time_ms()) is not None and time <= now_ms:
                yield from self._behind(index, partial(operator.advance_time, now_ms))

    def _behind(self, index: int, work: Work) -> Iterator[Element]:
        """What ``work`` of the operator at ``index`` becomes on its way through those behind it."""
        stream = self._timed(self._operators[index], work)
        for operator in self._operators[index + 1 :]:
            # Only an operator at the head of its chain tells its inputs apart.
            stream = self._through(operator, stream, 0)
        return stream

    def _through(self, operator: Operator, stream: Iterator[Element], input_index: int) -> Iterator[Element]:
        for element in stream:
            work = self._work(operator, element, input_index)
            if work is None:
                yield element
            else:
                yield from self._timed(operator, work)

    def _work(self, operator: Operator, element: Element, input_index: int) -> Work | None:
        """What ``operator`` does with ``element``; ``None``: it has nothing to do with it."""
        if isinstance(element, Rows):
            if (joint := self._many_inputs.get(operator)) is not None:
                return partial(joint.process_input, input_index, element)
            return partial(operator.process, element)
        if isinstance(element, Watermark) and (timed := self._event_timed.get(operator)) is not None:
            return partial(timed.watermark, element)
        origin = self._origins.get(operator)
        if isinstance(element, Split) and origin is not None:
            return partial(origin.split, element)
        if isinstance(element, Idleness) and (hears := origin or self._holding.get(operator)) is not None:
            return partial(hears.idleness, element)
        return None

    def _timed(self, operator: Operator, work: Work) -> Iterator[Element]:
        """What ``work`` gives, with the time it takes counted and the operator shown as being at work."""
        counters, place = self._counters, operator.place
        entered_ns = counters.enter(place)
        made = work()
        if type(made) is tuple:
            # Nothing is left to be made when the next one is asked for.
            counters.leave(place, entered_ns)
            for element in made:
                yield SideOf(element.tag, element.rows, operator.name) if isinstance(element, Side) else element
            return
        results = iter(made)
        while True:
            element = next(results, None)
            counters.leave(place, entered_ns)
            if element is None:
                return
            yield SideOf(element.tag, element.rows, operator.name) if isinstance(element, Side) else element
            entered_ns = counters.enter(place)
