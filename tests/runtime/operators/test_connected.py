import pytest

from sage_local import (
    BroadcastProcessFunction,
    BroadcastStateDescriptor,
    CoFlatMapFunction,
    CoMapFunction,
    CoProcessFunction,
    ValueStateDescriptor,
)
from sage_local.errors import StateError
from sage_local.functions.co_shape import CoShape
from sage_local.plan.operators import Connected
from sage_local.runtime.protocol.blame import OperatorFailed
from sage_local.runtime.state.snapshot import StateSnapshot
from tests.runtime.operators.driver import Driver

RULES = BroadcastStateDescriptor("rules")


def first(record):
    return record[0]


def connected(function, shape, *selectors, **options) -> Driver:
    return Driver(
        Connected(name="op", function=function, shape=shape, key_selectors=selectors or (None, None)), **options
    )


class Labels(CoMapFunction):
    def map1(self, value):
        return "one", value

    def map2(self, value):
        return "two", value

    def map3(self, value):
        return "three", value


class Words(CoFlatMapFunction):
    def flat_map1(self, value):
        return value.split()

    def flat_map2(self, value):
        for _ in range(value):
            yield value


class Balance(CoProcessFunction):
    """Deposits come by the first input, withdrawals by the second."""

    def open(self, context):
        self.balance = context.state(ValueStateDescriptor("balance", default=0))

    def process1(self, value, ctx):
        self.balance.update(self.balance.value() + value[1])
        ctx.timers.register_event_time_timer(100)

    def process2(self, value, ctx):
        self.balance.update(self.balance.value() - value[1])
        yield ctx.key, self.balance.value(), ctx.timestamp

    def on_timer(self, timestamp, ctx):
        yield ctx.key, self.balance.value(), "timer"


class Rules(BroadcastProcessFunction):
    def open(self, context):
        self.seen = context.state(ValueStateDescriptor("seen", default=0))

    def process(self, value, ctx):
        self.seen.update(self.seen.value() + 1)
        yield value, self.seen.value(), ctx.broadcast_state(RULES).get("rule")

    def process_broadcast(self, value, ctx):
        ctx.broadcast_state(RULES).put("rule", value)


def test_each_input_has_its_own_map():
    driver = connected(Labels(), CoShape.MAP, None, None, None)
    driver.rows(1, 2, index=0)
    driver.rows(3, index=2, stamps=[5])
    driver.rows(4, index=1)
    assert driver.stamped() == [(("one", 1), None), (("one", 2), None), (("three", 3), 5), (("two", 4), None)]
    assert (driver.counters.records_in, driver.counters.records_out) == (4, 4)


def test_each_input_has_its_own_flat_map():
    driver = connected(Words(), CoShape.FLAT_MAP)
    driver.rows("a b", "", index=0)
    driver.rows(2, index=1)
    assert driver.main() == ["a", "b", 2, 2]


def test_inputs_share_the_state_of_a_key():
    driver = connected(Balance(), CoShape.PROCESS, first, first)
    driver.rows(("a", 10), ("b", 5), index=0)
    driver.rows(("a", 3), ("c", 1), index=1, stamps=[7, 8])
    assert driver.main() == [("a", 7, 7), ("c", -1, 8)]
    driver.watermark(100)
    assert driver.main() == [("a", 7, "timer"), ("b", 5, "timer")]


def test_broadcast_state_is_written_by_one_side_and_read_by_the_other():
    driver = connected(Rules(), CoShape.BROADCAST, first, None)
    driver.rows("a", index=0)
    driver.rows("all", index=1)
    driver.rows("a", index=0)
    assert driver.main() == [("a", 1, None), ("a", 2, "all")]


def test_the_reading_side_can_not_change_broadcast_state():
    class Writing(Rules):
        def process(self, value, ctx):
            ctx.broadcast_state(RULES).put("rule", value)

    driver = connected(Writing(), CoShape.BROADCAST, first, None)
    with pytest.raises(OperatorFailed) as failed:
        driver.rows("a", index=0)
    assert isinstance(failed.value.error, StateError)


def test_the_broadcast_side_has_no_key():
    class Peeking(Rules):
        def process_broadcast(self, value, ctx):
            return [ctx.key]

    driver = connected(Peeking(), CoShape.BROADCAST, first, None)
    with pytest.raises(OperatorFailed) as failed:
        driver.rows("a", index=1)
    assert "there is a key only while a record or a timer is being processed" in str(failed.value.error)


def test_broadcast_state_comes_back_in_every_subtask():
    driver = connected(Rules(), CoShape.BROADCAST, first, None)
    driver.rows("all", index=1)
    driver.rows("a", "b", index=0)
    whole = StateSnapshot.joined([driver.operator.snapshot()])
    seen = []
    for subtask in range(2):
        restored = connected(Rules(), CoShape.BROADCAST, first, None, snapshot=whole, subtask=subtask, parallelism=2)
        restored.rows("a", "b", index=0)
        seen += restored.main()
    assert {record[2] for record in seen} == {"all"}
    # Each key's own state is in one of the two only.
    assert sorted(record[1] for record in seen) == [1, 1, 2, 2]


def test_a_failure_names_the_record_of_its_input():
    driver = connected(Words(), CoShape.FLAT_MAP)
    with pytest.raises(OperatorFailed) as failed:
        driver.rows(1, "x", index=1)
    assert failed.value.record == "x"
