"""Which of its splits a task reads when."""

from array import array
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from sage_local import SourceFunction
from sage_local.core.elements import MAX_TIMESTAMP, Element, EndOfStream, Rows, Split, Watermark
from sage_local.plan import operators as specs
from sage_local.runtime.metrics.table import OperatorCounters
from sage_local.runtime.operators.source import SplitInput
from sage_local.runtime.protocol.blame import OperatorFailed
from sage_local.runtime.protocol.pacing import Pacer
from tests.runtime.operators.window_driver import context

Polls = list[list[int]]
"""What the polls of a split give one after another; then it has ended."""


class Polled(SourceFunction[int]):
    def __init__(self, *splits: Polls, bounded: bool = True) -> None:
        self.bounded = bounded
        self.polls = splits
        self.open_readers: list[int] = []

    def splits(self) -> Sequence[int]:
        return range(len(self.polls))

    def open_split(self, split: int, position: int = 0) -> "Reader":
        self.open_readers.append(split)
        return Reader(self.polls[split], position, lambda: self.open_readers.remove(split))


class Reader:
    def __init__(self, polls: Polls, position: int, close: Callable[[], None]) -> None:
        self.polls = polls
        self.position = position
        self.close = close

    def poll(self, max_records: int, /) -> list[int] | None:
        self.position += 1
        return self.polls[self.position - 1] if self.position <= len(self.polls) else None

    def snapshot(self) -> int:
        return self.position


def opened(source: Polled, clock: Callable[[], int] = lambda: 0, position: Any = None) -> SplitInput:
    spec = specs.Source(name="polled", source=source, splits=tuple(source.splits()))
    task = SplitInput(spec, OperatorCounters(array("q", bytes(800)), 0), Pacer(timeout_ms=10, max_rows=100), clock)
    if position is not None:
        task.reposition(position)
    task.open(context())
    return task


def read(task: SplitInput, frames: int = 1000) -> list[Any]:
    """Elements and lists of records, until there is nothing right now, or for ever."""
    found: list[Element | list[int]] = []
    while len(found) < frames and (frame := task.take()) is not None:
        if frame.split is not None:
            found.append(frame.split)
        found.append(frame.element.values if isinstance(frame.element, Rows) else frame.element)
        if isinstance(frame.element, EndOfStream):
            break
    return found


END = [Watermark(MAX_TIMESTAMP), EndOfStream()]


def test_splits_are_read_one_after_another_with_one_reader_open() -> None:
    source = Polled([[1], [2]], [], [[3]])
    task = opened(source)
    assert read(task, 3) == [Split(0, 3), [1], [2]]
    assert source.open_readers == [0]
    rest = [Split(0, 3, has_ended=True), Split(1, 3), Split(1, 3, has_ended=True), Split(2, 3), [3], *END]
    assert read(task) == rest
    assert source.open_readers == []


def test_a_split_that_has_nothing_right_now_lets_the_next_have_its_turn() -> None:
    now = [0]
    task = opened(Polled([[1], [], [2]], [[3], [], [], [4]]), lambda: now[0])
    assert read(task) == [Split(0, 2), [1], Split(1, 2), [3], Split(0, 2), [2], Split(0, 2, has_ended=True)]
    assert read(task) == []
    now[0] = task.next_poll_ns() or 0
    assert read(task) == [Split(1, 2), [4], *END]


def test_in_a_source_without_end_every_split_has_its_turn() -> None:
    task = opened(Polled([[1]] * 9, [[2]] * 9, bounded=False))
    assert read(task, 6) == [Split(0, 2), Split(1, 2), [2], Split(0, 2), [1], Split(1, 2), [2]]


def test_all_readers_go_on_where_they_were() -> None:
    source = Polled([[1], [], [2]], [[3], [], [4]], [[5]])
    task = opened(source)
    assert read(task, 4) == [Split(0, 3), [1], Split(1, 3), [3]]
    position = task.position()
    task.close()
    assert source.open_readers == []
    again = read(opened(source, position=position))
    assert [each for each in again if isinstance(each, list)] == [[2], [4], [5]]
    assert again[-2:] == END


def test_a_reader_that_can_not_be_closed_keeps_none_of_the_others_open() -> None:
    source = Polled([[1], [], [], []], [[2], [], [], []])
    task = opened(source)
    assert read(task, 4) == [Split(0, 2), [1], Split(1, 2), [2]]
    for reading in task._readings:
        assert isinstance(reading.reader, Reader)
        if reading.number == 0:
            reading.reader.close = lambda: 1 / 0  # a user may write anything
    with pytest.raises(OperatorFailed, match="ZeroDivisionError"):
        task.close()
    assert source.open_readers == [0]
