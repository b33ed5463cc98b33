"""Map, filter, flat_map and sink where they can not be compiled: with keyed state or ``on_error``."""

from dataclasses import replace

import pytest

from sage_local import (
    FailedRecord,
    FilterFunction,
    FlatMapFunction,
    KeyedProcessFunction,
    ListStateDescriptor,
    MapFunction,
    OutputTag,
    ReduceFunction,
    SinkFunction,
    ValueStateDescriptor,
)
from sage_local.core.elements import Rows
from sage_local.plan import operators as specs
from sage_local.runtime.operators.record_wise import RecordWise
from sage_local.runtime.operators.stateless import Stateless
from sage_local.runtime.protocol.blame import OperatorFailed
from sage_local.runtime.state.snapshot import StateSnapshot
from tests.runtime.operators.driver import Driver

FAILED = OutputTag[FailedRecord]("failed")


def first(record):
    return record[0]


class Numbering(MapFunction):
    def open(self, context):
        self.count = context.state(ValueStateDescriptor("count", default=0))

    def map(self, value):
        self.count.update(self.count.value() + 1)
        return value, self.count.value()


class Distinct(FilterFunction):
    def open(self, context):
        self.seen = context.state(ValueStateDescriptor("seen", default=False))

    def filter(self, value):
        new = not self.seen.value()
        self.seen.update(True)
        return new


class History(FlatMapFunction):
    def open(self, context):
        self.values = context.state(ListStateDescriptor("values"))

    def flat_map(self, value):
        self.values.add(value)
        yield from self.values.get()


def test_a_keyed_map_has_state_by_key():
    driver = Driver(specs.Map(name="op", key_selector=first, function=Numbering()))
    driver.rows("a", "b", "a", stamps=[1, 2, 3])
    assert driver.stamped() == [(("a", 1), 1), (("b", 1), 2), (("a", 2), 3)]


def test_a_keyed_filter_and_flat_map_have_state_by_key():
    distinct = Driver(specs.Filter(name="op", key_selector=first, function=Distinct()))
    distinct.rows("a1", "b1", "a2", stamps=[1, 2, 3])
    assert distinct.stamped() == [("a1", 1), ("b1", 2)]
    history = Driver(specs.FlatMap(name="op", key_selector=first, function=History()))
    history.rows("a1", "b1", "a2", stamps=[1, 2, 3])
    assert history.stamped() == [("a1", 1), ("b1", 2), ("a1", 3), ("a2", 3)]


def test_state_of_a_keyed_map_is_in_its_snapshot():
    spec = specs.Map(name="op", key_selector=first, function=Numbering())
    driver = Driver(spec)
    driver.rows("a", "a")
    restored = Driver(spec, snapshot=StateSnapshot.joined([driver.operator.snapshot()]))
    restored.rows("a")
    assert restored.main() == [("a", 3)]


def test_results_carry_the_keys_of_their_records_where_they_are_needed():
    spec = specs.FlatMap(name="op", key_selector=first, function=History(), keeps_keys=True)
    driver = Driver(spec)
    driver.rows("a1", "b1", "a2")
    assert [rows.keys for rows in driver._elements] == [["a", "b", "a", "a"]]


def test_only_functions_that_may_have_state_are_not_compiled():
    plain = Driver(specs.Map(name="op", key_selector=first, function=str))
    stateful = Driver(specs.Map(name="op", key_selector=first, function=Numbering()))
    assert isinstance(plain.operator, Stateless)
    assert isinstance(stateful.operator, RecordWise)


def test_results_without_end_come_in_batches():
    class Endless(FlatMapFunction):
        def flat_map(self, value):
            while True:
                yield value

    driver = Driver(specs.FlatMap(name="op", function=Endless(), on_error="skip"))
    elements = iter(driver.operator.process(Rows([1], None, [5])))
    assert [len(next(elements).timestamps) for _ in range(2)] == [4096, 4096]


def test_a_sink_has_operator_state():
    class Remembering(SinkFunction):
        def open(self, context):
            self.seen = context.operator_state(ListStateDescriptor("seen"))

        def write(self, value):
            self.seen.add(value)

    driver = Driver(specs.Sink(name="op", function=Remembering()))
    driver.rows(1, 2, 3)
    whole = StateSnapshot.joined([driver.operator.snapshot()])
    shares = []
    for subtask in range(2):
        function = Remembering()
        Driver(specs.Sink(name="op", function=function), snapshot=whole, subtask=subtask, parallelism=2)
        shares.append(function.seen.get())
    assert shares == [[1, 3], [2]]


SPECS = [
    (specs.Map(name="op", function=lambda n: 10 // n), [10, 5]),
    (specs.Filter(name="op", function=lambda n: 10 // n), [1, 2]),
    (specs.FlatMap(name="op", function=lambda n: [10 // n] * n), [10, 5, 5]),
    (specs.Process(name="op", function=lambda n, ctx: [10 // n]), [10, 5]),
    (specs.Sink(name="op", function=lambda n: 10 // n), []),
    (specs.Reduce(name="op", key_selector=lambda n: None, function=lambda a, b: a + 10 // b), [1, 6]),
]


@pytest.mark.parametrize(("spec", "results"), SPECS, ids=lambda value: type(value).__name__)
def test_failing_records_are_skipped_and_counted(spec, results):
    driver = Driver(_with(spec, "skip"))
    driver.rows(1, 0, 2)
    assert driver.main() == results
    assert driver.counters._cells[driver.counters._failed] == 1


@pytest.mark.parametrize(("spec", "results"), SPECS, ids=lambda value: type(value).__name__)
def test_failing_records_go_to_the_tag_with_all_that_is_known(spec, results):
    driver = Driver(_with(spec, FAILED))
    driver.clock.set(123)
    driver.rows(1, 0, 2, stamps=[7, 8, 9])
    (failed,) = driver.side("failed")
    assert driver.main() == results
    assert (failed.record, failed.operator, failed.subtask_index, failed.time_ms) == (0, "op", 0, 123)
    assert failed.error == "ZeroDivisionError: integer division or modulo by zero"
    assert failed.traceback.startswith("Traceback (most recent call last):")
    assert "test_record_wise.py" in failed.traceback
    assert "sage_local/runtime" not in failed.traceback


@pytest.mark.parametrize(("spec", "results"), SPECS, ids=lambda value: type(value).__name__)
def test_without_on_error_the_first_failure_ends_it(spec, results):
    with pytest.raises(OperatorFailed) as failed:
        Driver(spec).rows(1, 0, 2)
    assert failed.value.record == 0


def test_a_program_that_exits_is_no_failing_record():
    def leave(value):
        raise SystemExit(3)

    with pytest.raises(OperatorFailed) as failed:
        Driver(specs.Map(name="op", function=leave, on_error="skip")).rows(1)
    assert isinstance(failed.value.error, SystemExit)


def test_what_fails_in_open_fails_the_job():
    class Broken(SinkFunction):
        def open(self, context):
            raise OSError("no disk")

        def write(self, value):
            """Never called."""

    with pytest.raises(OperatorFailed, match="no disk"):
        Driver(specs.Sink(name="op", function=Broken(), on_error="skip"))


def test_a_failing_timer_is_diverted_and_the_others_fire():
    class Waking(KeyedProcessFunction):
        def process(self, value, ctx):
            ctx.timers.register_event_time_timer(value)

        def on_timer(self, timestamp, ctx):
            yield 10 // timestamp

    driver = Driver(specs.Process(name="op", key_selector=abs, function=Waking(), on_error=FAILED))
    driver.rows(1, 0, 2)
    driver.watermark(5)
    assert driver.main() == [10, 5]
    [failed] = driver.side("failed")
    assert failed.record == (0, 0)
    assert str(failed.record) == "timer of 0 for key 0"


def test_a_reduce_function_object_is_closed_once():
    class Adding(ReduceFunction):
        closed = 0

        def reduce(self, first, second):
            return first + second

        def close(self):
            Adding.closed += 1

    driver = Driver(specs.Reduce(name="op", key_selector=abs, function=Adding(), on_error="skip"))
    driver.operator.close()
    assert Adding.closed == 1


def _with(spec, on_error):
    return replace(spec, on_error=on_error)
