"""Window operators without a task: steps in, what came out of each."""

from array import array
from dataclasses import replace
from typing import Any

from sage_local.config import Settings
from sage_local.core.clock import Clock, ManualClock
from sage_local.core.elements import Element, Rows, Side, Watermark
from sage_local.core.ids import ChainId, TaskId
from sage_local.plan import operators as specs
from sage_local.runtime.metrics.table import OperatorCounters
from sage_local.runtime.operators.protocol import TaskContext
from sage_local.runtime.operators.windows.build import window_operator
from sage_local.runtime.operators.windows.operator import WindowOperator
from sage_local.runtime.state.snapshot import StateSnapshot
from tests.runtime.operators.window_model import END, Step

SETTINGS = Settings({"parallelism": 1, "checkpoint.interval": "1s"})


def context(clock: Clock | None = None) -> TaskContext:
    return TaskContext("job", TaskId(ChainId(0), 0), 1, SETTINGS, clock or ManualClock())


def opened(spec: specs.Windowed, clock: Clock | None = None, snapshot: Any = None) -> WindowOperator:
    operator = window_operator(spec, OperatorCounters(array("q", bytes(800)), 0))
    if snapshot is not None:
        operator.restore(snapshot)
    operator.open(context(clock))
    return operator


def window(assigner: Any, **fields: Any) -> specs.Window:
    return specs.Window(name="window", key_selector=lambda event: event[0], assigner=assigner, **fields)


def completed(snapshot: StateSnapshot) -> StateSnapshot:
    """With what was left to be captured."""
    assert snapshot.capture is not None
    groups: dict[int, list[bytes]] = {}
    while (piece := snapshot.capture.advance()) is not None:
        for group, chunk in piece:
            groups.setdefault(group, []).append(chunk)
    return replace(snapshot, key_groups=groups, capture=None)


def outputs(operator: WindowOperator, step: Step) -> list[Element]:
    if isinstance(step, int):
        return [element for element in operator.watermark(Watermark(step)) if not isinstance(element, Watermark)]
    rows = Rows(list(step), None, [time for _, time, _ in step])
    return list(operator.process(rows))


def results(elements: list[Element]) -> list[tuple[Any, int]]:
    """Values with their timestamps."""
    return [
        (value, stamp)
        for element in elements
        if isinstance(element, Rows)
        for value, stamp in zip(element.values, element.timestamps or [], strict=True)
    ]


def late(elements: list[Element]) -> list[Any]:
    return [value for element in elements if isinstance(element, Side) for value in element.rows.values]


def run(operator: WindowOperator, steps: list[Step]) -> list[list[tuple[Any, int]]]:
    """What came out at each step, and at the end of time."""
    return [results(outputs(operator, step)) for step in [*steps, END]]
