"""Programs that are the same in every shape pass, and those that are not are told apart in words."""

import os
import random

import pytest

from sage_local import EventTimeSessionWindows, LocalEnvironment, MapFunction, OutputTag
from sage_local.testing import (
    AdvanceWatermark,
    At,
    FaultPoint,
    ScriptedSource,
    check_equivalent,
    check_two_phase_sink,
    simulate,
)
from sage_local.testing.differences import differences, identity

LATE = OutputTag("late")


def test_a_stream_of_the_caller_is_run_in_every_shape():
    env = LocalEnvironment("mine")
    doubled = env.from_collection(range(200)).map(lambda value: 2 * value)
    assert check_equivalent(doubled, order="total", workers=[1, 2]) == [2 * value for value in range(200)]


def test_a_function_builds_it_for_each_run():
    def build(env):
        return env.from_collection(range(100)).key_by(lambda value: value % 7).sum()

    records = check_equivalent(build, order=lambda record: record[0], workers=[3], rounds=2)
    assert len(records) == 100


def test_several_streams_of_one_run_are_compared_each():
    script = [At(1, "a"), At(2, "b"), AdvanceWatermark(20), At(3, "a"), At(25, "a")]

    def build(env):
        counts = (
            ScriptedSource(script)
            .stream(env)
            .key_by(lambda key: key)
            .window(EventTimeSessionWindows.with_gap(5))
            .side_output_late_data(LATE)
            .count()
        )
        return {"counts": counts, "late": counts.side_output(LATE)}

    found = check_equivalent(build, workers=[1, 3])
    assert sorted(found["counts"]) == [("a", 1), ("a", 1), ("b", 1)]
    assert found["late"] == ["a"]


class ProcessNumber(MapFunction):
    """What no program should do: its result depends on where it runs."""

    def __init__(self) -> None:
        self.here = os.getpid()

    def map(self, value):
        return value if os.getpid() == self.here else -value


def test_a_difference_is_shown_with_the_way_to_see_it_again():
    with pytest.raises(AssertionError) as caught:
        check_equivalent(lambda env: env.from_collection([0, 7]).map(ProcessNumber()), workers=[2], seed=5)
    told = str(caught.value)
    assert "not the same results with 2 workers, frame.max-rows=" in told
    assert "missing: 1\n      7\n    too many: 1\n      -7" in told
    assert told.endswith("run it again: check_equivalent(..., workers=[2], rounds=1, seed=5)")


def test_a_run_that_fails_alone_is_a_difference():
    here = os.getpid()

    def only_here(value):
        if os.getpid() != here:
            raise ValueError("not at home")
        return value

    with pytest.raises(AssertionError, match=r"1 worker, .*: failed, and inline it did not: .*not at home"):
        check_equivalent(lambda env: env.from_collection([1]).map(only_here), workers=[1])


def test_only_what_is_viewed_is_compared():
    def build(env):
        return env.from_collection([1, 2]).map(lambda value: (value, os.getpid()))

    assert len(check_equivalent(build, view=lambda record: record[0], workers=[1])) == 2


def test_total_order_and_order_per_key_are_told_apart():
    expected, found = [("a", 1), ("b", 1), ("a", 2)], [("b", 1), ("a", 1), ("a", 2)]
    assert differences(expected, found, "any") == []
    assert differences(expected, found, lambda record: record[0]) == []
    assert differences(expected, found, "total") == [
        "another order from record 0 on: expected ('a', 1), found ('b', 1)"
    ]
    assert differences(expected, expected[::-1], lambda record: record[0]) == [
        "another order from record 0 of key 'a' on: expected ('a', 1), found ('a', 2)"
    ]


def test_many_differences_are_counted():
    told = differences([], [1, 1, *range(2, 9)], "any")
    assert told[:2] == ["too many: 9", "  1  (2 times)"]
    assert told[-1] == "  ... and 3 other records"


class Plain:
    def __init__(self, value):
        self.value = value


@pytest.mark.parametrize(
    ("first", "second"),
    [(1, True), (1, 1.0), (0.0, -0.0), ([1], (1,)), ({1}, frozenset({1})), ("a", b"a"), (Plain(1), Plain(2))],
)
def test_values_of_another_type_are_other_values(first, second):
    assert identity(first) != identity(second)


@pytest.mark.parametrize(
    "make",
    [lambda: float("nan"), lambda: {"b": [1], "a": {2}}, lambda: Plain([1]), lambda: random.Random(1).random(), object],
)
def test_copies_are_the_same_value(make):
    if make is not object:
        assert identity(make()) == identity(make())


def numbers(env):
    return env.from_collection([1, 2])


@pytest.mark.parametrize(
    ("check", "message"),
    [
        (lambda: check_equivalent(5), "expected a stream, or a function of an environment .*; found 5"),
        (lambda: check_equivalent(lambda env: {}), "found {}"),
        (lambda: check_equivalent(lambda env: None), "or several by name; found None"),
        (lambda: check_equivalent(numbers, order="sorted"), "expected 'any', 'total' or a function .*; found 'sorted'"),
        (lambda: check_equivalent(numbers, workers=[]), r"one of workers at least; found \[\] and 1"),
        (lambda: check_equivalent(numbers, workers=[2, 0]), r"found \[2, 0\] and 1"),
        (lambda: check_equivalent(numbers, rounds=0), "numbers of at least 1"),
        (lambda: simulate(numbers, 1), r"simulate\(\) takes a stream, found <function numbers"),
        (lambda: check_two_phase_sink(lambda: 5), "expected a function that returns a SinkUnderTest, found 5"),
        (lambda: FaultPoint().around(5), r"around\(\) takes a function, found 5"),
    ],
)
def test_what_would_check_nothing_is_refused(check, message):
    with pytest.raises((TypeError, ValueError), match=message):
        check()
