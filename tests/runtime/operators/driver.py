"""One operator without a task: elements in, what came out of each."""

from array import array
from collections.abc import Iterable
from typing import Any

from sage_local.config import Settings
from sage_local.core.clock import ManualClock
from sage_local.core.elements import MAX_TIMESTAMP, Element, Rows, Side, Watermark
from sage_local.core.ids import ChainId, TaskId
from sage_local.plan import operators as specs
from sage_local.runtime.metrics.table import OperatorCounters
from sage_local.runtime.operators.factory import build
from sage_local.runtime.operators.protocol import TaskContext


class Driver:
    """The running operator of ``spec``, open. ``main`` and ``side`` take away what has come out so far."""

    def __init__(self, spec: specs.Operator, *, snapshot: Any = None, subtask: int = 0, parallelism: int = 1, **config):
        settings = Settings({"parallelism": parallelism, **config})
        self.clock = ManualClock()
        self.counters = OperatorCounters(array("q", bytes(800)), 0)
        (self.operator,) = build([(spec, self.counters)], settings)
        if snapshot is not None:
            self.operator.restore(snapshot)
        self.context = TaskContext("job", TaskId(ChainId(0), subtask), parallelism, settings, self.clock)
        self.operator.open(self.context)
        self._elements: list[Element] = []

    def rows(
        self, *values: Any, stamps: list[int] | None = None, keys: list[Any] | None = None, index: int = 0
    ) -> None:
        rows = Rows(list(values), keys, stamps)
        if hasattr(self.operator, "process_input"):
            self._take(self.operator.process_input(index, rows))
        else:
            self._take(self.operator.process(rows))

    def watermark(self, timestamp: int) -> None:
        self._take(self.operator.watermark(Watermark(timestamp)))

    def advance(self, by_ms: int) -> None:
        """Move the clock, and do what is due as a task would."""
        self.clock.advance(by_ms)
        time = self.operator.next_time_ms()
        if time is not None and time <= self.clock.now_ms():
            self._take(self.operator.advance_time(self.clock.now_ms()))

    def end(self) -> None:
        if hasattr(self.operator, "watermark"):
            self.watermark(MAX_TIMESTAMP)
        self._take(self.operator.end())

    def _take(self, elements: Iterable[Element]) -> None:
        self._elements += elements

    def main(self) -> list[Any]:
        return [value for value, _ in self.stamped()]

    def stamped(self) -> list[tuple[Any, int | None]]:
        taken = [element for element in self._elements if isinstance(element, Rows)]
        self._elements = [element for element in self._elements if not isinstance(element, Rows)]
        return [
            pair
            for rows in taken
            for pair in zip(rows.values, rows.timestamps or [None] * len(rows.values), strict=True)
        ]

    def side(self, tag: str) -> list[Any]:
        taken = [element for element in self._elements if isinstance(element, Side) and element.tag == tag]
        self._elements = [element for element in self._elements if element not in taken]
        return [value for side in taken for value in side.rows.values]
