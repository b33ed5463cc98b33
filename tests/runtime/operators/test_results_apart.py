"""What was emitted stays as it was, however the state that it was read from is changed afterwards."""

from collections.abc import Callable, Iterable
from typing import Any

import pytest

from sage_local import (
    AggregateFunction,
    Count,
    CountTrigger,
    DataStream,
    FunctionContext,
    GlobalWindows,
    KeyedProcessContext,
    KeyedProcessFunction,
    KeyedStream,
    MapFunction,
    Multi,
    ProcessWindowFunction,
    SlidingEventTimeWindows,
    TumblingEventTimeWindows,
    ValueStateDescriptor,
    WindowContext,
)
from sage_local.testing import OperatorHarness

Build = Callable[[KeyedStream[dict[str, int], int]], DataStream[Any]]


class Kept(AggregateFunction[dict[str, int], list[int], list[int]]):
    """The result is the very accumulator, and that is changed in place."""

    def create_accumulator(self) -> list[int]:
        return []

    def add(self, accumulator: list[int], value: dict[str, int], /) -> list[int]:
        accumulator.append(value["n"])
        return accumulator

    def get_result(self, accumulator: list[int], /) -> list[int]:
        return accumulator

    def merge(self, first: list[int], second: list[int], /) -> list[int]:
        return first + second


def add_in_place(total: dict[str, int], record: dict[str, int]) -> dict[str, int]:
    total["n"] += record["n"]
    return total


def emitted(build: Build, *, reuse: bool = False) -> list[Any]:
    """Of records 1, 2 and 3, in one batch."""
    config = {"object.reuse": reuse}
    with OperatorHarness(lambda stream: build(stream.key_by(lambda _: 0)), config=config) as harness:
        harness.push({"n": 1}, {"n": 2}, {"n": 3})
        return harness.output()


@pytest.mark.parametrize(
    "build",
    [
        lambda stream: stream.reduce(add_in_place),
        lambda stream: stream.window(GlobalWindows()).trigger(CountTrigger(1)).reduce(add_in_place),
    ],
)
def test_every_update_of_a_reduce_function_that_changes_the_first_is_what_it_was(build: Build) -> None:
    assert emitted(build) == [{"n": 1}, {"n": 3}, {"n": 6}]


@pytest.mark.parametrize(
    "build",
    [
        lambda stream: stream.aggregate(Kept()),
        lambda stream: stream.window(GlobalWindows()).trigger(CountTrigger(1)).aggregate(Kept()),
    ],
)
def test_every_result_that_is_the_accumulator_is_what_it_was(build: Build) -> None:
    assert emitted(build) == [(0, [1]), (0, [1, 2]), (0, [1, 2, 3])]


@pytest.mark.parametrize(
    "build",
    [
        lambda stream: stream.aggregate(Multi(kept=Kept(), n=Count())),
        lambda stream: stream.window(GlobalWindows()).trigger(CountTrigger(1)).aggregate(Multi(kept=Kept(), n=Count())),
    ],
)
def test_that_goes_for_each_of_several_aggregates(build: Build) -> None:
    assert [result for _, result in emitted(build)] == [
        {"kept": [1], "n": 1},
        {"kept": [1, 2], "n": 2},
        {"kept": [1, 2, 3], "n": 3},
    ]


def test_object_reuse_leaves_that_to_the_program() -> None:
    assert emitted(lambda stream: stream.reduce(add_in_place), reuse=True) == [{"n": 6}] * 3


def test_a_window_that_has_fired_hears_nothing_of_records_of_the_next_ones() -> None:
    windows = SlidingEventTimeWindows.of(20, 10)
    with OperatorHarness(lambda stream: stream.key_by(lambda _: 0).window(windows).aggregate(Kept())) as harness:
        harness.push({"n": 1}, timestamp=15)
        harness.watermark(19)
        fired = harness.output()
        harness.push({"n": 2}, timestamp=16)
        harness.watermark(29)
        assert (fired, harness.output()) == ([(0, [1])], [(0, [1, 2])])


def test_what_is_done_to_a_result_is_not_done_to_the_next_windows() -> None:
    windows = SlidingEventTimeWindows.of(20, 10)
    with OperatorHarness(lambda stream: stream.key_by(lambda _: 0).window(windows).reduce(add_in_place)) as harness:
        harness.push({"n": 1}, timestamp=5)
        harness.watermark(9)
        (first,) = harness.output()
        first["n"] = 100
        harness.watermark(19)
        assert harness.output() == [{"n": 1}]


def test_a_window_that_fires_again_for_a_late_record_leaves_its_first_result_alone() -> None:
    windows = TumblingEventTimeWindows.of(10)
    with OperatorHarness(
        lambda stream: stream.key_by(lambda _: 0).window(windows).allowed_lateness(10).aggregate(Kept())
    ) as harness:
        harness.push({"n": 1}, timestamp=5)
        harness.watermark(9)
        first = harness.output()
        harness.push({"n": 2}, timestamp=5)
        assert (first, harness.output()) == ([(0, [1])], [(0, [1, 2])])


class Remembering(KeyedProcessFunction[int, dict[str, int], Any]):
    """Yields what it keeps, in a tuple and in a side output."""

    def open(self, context: FunctionContext) -> None:
        self.kept = context.state(ValueStateDescriptor[list[int]]("kept", default_factory=list))

    def process(self, value: dict[str, int], ctx: KeyedProcessContext[int], /) -> Any:
        self.kept.value().append(value["n"])
        yield ctx.key, self.kept.value()


class RememberingMap(MapFunction[dict[str, int], Any]):
    def open(self, context: FunctionContext) -> None:
        self.kept = context.state(ValueStateDescriptor[list[int]]("kept", default_factory=list))

    def map(self, value: dict[str, int], /) -> Any:
        self.kept.value().append(value["n"])
        return 0, self.kept.value()


class RememberingWindow(ProcessWindowFunction[dict[str, int], Any, int]):
    def process(self, key: int, context: WindowContext, values: Iterable[dict[str, int]], /) -> Any:
        kept = context.global_state(ValueStateDescriptor[list[int]]("kept", default_factory=list)).value()
        kept.append(list(values)[-1]["n"])
        yield key, kept


class Described(Kept):
    """The accumulator is a part of the result."""

    def get_result(self, accumulator: list[int], /) -> Any:
        return [accumulator]


@pytest.mark.parametrize(
    ("build", "expected"),
    [
        (lambda stream: stream.process(Remembering()), lambda kept: (0, kept)),
        (lambda stream: stream.map(RememberingMap()), lambda kept: (0, kept)),
        (lambda stream: stream.aggregate(Described()), lambda kept: (0, [kept])),
        (
            lambda stream: stream.window(GlobalWindows()).trigger(CountTrigger(1)).process(RememberingWindow()),
            lambda kept: (0, kept),
        ),
    ],
)
def test_state_that_is_a_part_of_a_record_is_copied_too(build: Build, expected: Callable[[list[int]], Any]) -> None:
    assert emitted(build) == [expected([1]), expected([1, 2]), expected([1, 2, 3])]
