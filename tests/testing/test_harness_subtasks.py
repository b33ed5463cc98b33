"""The harness runs several subtasks, with several inputs, and restores them from a snapshot."""

import pytest

from sage_local import (
    BroadcastProcessFunction,
    BroadcastStateDescriptor,
    CoProcessFunction,
    EventTimeSessionWindows,
    MapFunction,
    ValueStateDescriptor,
)
from sage_local.testing import OperatorHarness
from tests.testing.harness_programs import numbered

KEYS = [f"key {number}" for number in range(20)]


@pytest.mark.parametrize(("before", "after"), [(1, 1), (1, 3), (3, 1), (4, 2)])
def test_a_snapshot_is_restored_at_any_parallelism(before: int, after: int):
    with OperatorHarness(numbered, parallelism=before) as harness:
        harness.push(*KEYS, timestamp=5)
        harness.watermark(50)
        snapshot = harness.snapshot()
    with OperatorHarness(numbered, parallelism=after, restore=snapshot) as harness:
        harness.push(*KEYS)
        assert sorted(harness.output()) == sorted((key, 2) for key in KEYS)
        harness.watermark(105)
        assert sorted(harness.output()) == sorted((key, "EVENT", 105) for key in KEYS)


def test_a_snapshot_keeps_windows_and_the_harness_goes_on():
    def build(stream):
        return stream.key_by(lambda key: key).window(EventTimeSessionWindows.with_gap(10)).count()

    with OperatorHarness(build, parallelism=2) as harness:
        harness.push(*KEYS, timestamp=1)
        snapshot = harness.snapshot()
        harness.push(*KEYS, timestamp=5)
        harness.end()
        assert sorted(harness.output()) == sorted((key, 2) for key in KEYS)
    with OperatorHarness(build, parallelism=3, restore=snapshot) as harness:
        harness.end()
        assert sorted(harness.output()) == sorted((key, 1) for key in KEYS)


def test_a_restored_watermark_does_not_go_back():
    with OperatorHarness(numbered) as harness:
        harness.watermark(50)
        snapshot = harness.snapshot()
    with OperatorHarness(numbered, restore=snapshot) as harness:
        harness.watermark(20)
        assert harness.watermarks() == []


def test_keys_go_to_the_subtask_that_owns_them_and_batches_without_keys_in_turn():
    class Where(MapFunction):
        def open(self, context):
            self.here = context.subtask_index

        def map(self, value):
            return value, self.here

    with OperatorHarness(lambda stream: stream.key_by(lambda key: key).map(Where()), parallelism=4) as harness:
        harness.push(*KEYS)
        harness.push(*KEYS)
        placed = set(harness.output())
        assert len(placed) == len(KEYS)
        assert {place for _, place in placed} == {0, 1, 2, 3}
    with OperatorHarness(lambda stream: stream.map(Where()), parallelism=2) as harness:
        for number in range(4):
            harness.push(number)
        assert harness.output() == [(0, 0), (1, 1), (2, 0), (3, 1)]


class Balance(CoProcessFunction):
    """Adds the first stream, takes the second away."""

    def open(self, context):
        self.balance = context.state(ValueStateDescriptor("balance", 0))

    def process1(self, value, ctx):
        self.balance.update(self.balance.value() + value[1])
        yield value[0], self.balance.value()

    def process2(self, value, ctx):
        self.balance.update(self.balance.value() - value[1])
        yield value[0], self.balance.value()


@pytest.mark.parametrize("parallelism", [1, 3])
def test_connected_streams_are_inputs_by_number(parallelism: int):
    def build(paid, spent):
        return paid.connect(spent).key_by(lambda each: each[0]).process(Balance())

    with OperatorHarness(build, parallelism=parallelism) as harness:
        harness.push(("ada", 10), ("bob", 5))
        harness.push(("ada", 3), stream=1)
        assert sorted(harness.output()) == [("ada", 7), ("ada", 10), ("bob", 5)]
        with pytest.raises(IndexError, match="expected a number below 2"):
            harness.push(1, stream=2)


def test_the_watermark_is_the_least_of_all_inputs_that_are_not_idle():
    def build(first, second):
        return first.union(second).map(str)

    with OperatorHarness(build) as harness:
        harness.watermark(10, stream=0)
        assert harness.watermarks() == []
        harness.watermark(5, stream=1)
        assert harness.watermarks() == [5]
        harness.idle(stream=1)
        assert harness.watermarks() == [10]


class Filtered(BroadcastProcessFunction):
    WORDS = BroadcastStateDescriptor("words")

    def process(self, value, ctx):
        if ctx.broadcast_state(self.WORDS).contains(value):
            yield value

    def process_broadcast(self, value, ctx):
        ctx.broadcast_state(self.WORDS).put(value, True)


def test_broadcast_records_reach_every_subtask():
    with OperatorHarness(lambda a, b: a.connect(b.broadcast()).process(Filtered()), parallelism=3) as harness:
        harness.push("yes", stream=1)
        for _ in range(3):
            harness.push("yes", "no")
        assert harness.output() == ["yes"] * 3
