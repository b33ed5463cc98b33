"""What a task can say of event time and of windows that wait, for people who ask."""

import pickle
from collections.abc import Iterator, Sequence
from typing import Any, Protocol, runtime_checkable

from sage_local.core.data import data
from sage_local.core.elements import MAX_TIMESTAMP
from sage_local.runtime.channels.gate import EventTime
from sage_local.runtime.operators.protocol import Operator, TaskContext, unguarded
from sage_local.runtime.protocol.explanations import (
    MOST_WINDOWS,
    InputTime,
    OriginTime,
    SubtaskWindows,
    WaitingWindow,
)
from sage_local.runtime.protocol.messages import ExplainWindows


@runtime_checkable
class HasWindows(Protocol):
    """An operator with windows that wait. ``windows_of``: whose they are; of a combiner, the operator behind it."""

    name: str
    windows_of: str
    event_time: int
    clock_ms: int
    late_dropped: int

    def waiting(self, keys: tuple[Any, ...] | None, most: int) -> list[WaitingWindow]:
        """The first windows to fire."""


@runtime_checkable
class TellsTime(Protocol):
    """An operator that event time comes from."""

    def origin_time(self, subtask: int) -> OriginTime:
        """How far it has come."""


@data
class Explaining:
    """Of one task. ``inputs`` names each input of ``time``: the operator before it, and the subtask if it is one."""

    context: TaskContext
    time: EventTime | None
    inputs: Sequence[tuple[str, int | None]]
    operators: Sequence[Operator]

    def windows(self, question: ExplainWindows) -> SubtaskWindows | None:
        """The answer; ``None`` when the operator is not in this task."""
        for operator in map(unguarded, self.operators):
            if isinstance(operator, HasWindows) and operator.windows_of == question.operator:
                keys = None if question.keys is None else pickle.loads(question.keys)
                found = operator.waiting(keys, MOST_WINDOWS + 1)
                return SubtaskWindows(
                    self.context.task.subtask,
                    operator.event_time,
                    operator.clock_ms,
                    tuple(self._inputs()),
                    tuple(found[:MOST_WINDOWS]),
                    len(found) > MOST_WINDOWS,
                    operator.late_dropped,
                    is_combiner=operator.name != question.operator,
                )
        return None

    def origins(self) -> Iterator[OriginTime]:
        """Of the operators here that event time comes from."""
        for operator in map(unguarded, self.operators):
            if isinstance(operator, TellsTime):
                yield operator.origin_time(self.context.task.subtask)

    def _inputs(self) -> Iterator[InputTime]:
        if self.time is None:
            return
        watermarks = self.time.inputs
        slowest = watermarks.held_back_by() if len(self.inputs) > 1 else None
        for number, (operator, subtask) in enumerate(self.inputs):
            watermark, is_idle = watermarks.of(number)
            holds_back = number == slowest and watermark < MAX_TIMESTAMP
            yield InputTime(operator, subtask, watermark, is_idle, holds_back)
