import pytest

from sage_local import (
    KeyedProcessFunction,
    ListStateDescriptor,
    OutputTag,
    ProcessFunction,
    StateTtlConfig,
    ValueStateDescriptor,
)
from sage_local.core.elements import MAX_TIMESTAMP, MIN_TIMESTAMP, Rows
from sage_local.core.time_domain import TimeDomain
from sage_local.errors import StateError
from sage_local.plan.operators import Process
from sage_local.runtime.operators.emission import LIMIT
from sage_local.runtime.protocol.blame import OperatorFailed
from sage_local.runtime.state.snapshot import StateSnapshot
from sage_local.testing import OperatorHarness
from tests.runtime.operators.driver import Driver
from tests.runtime.operators.window_driver import completed

ODD = OutputTag[int]("odd")


def keyed(function, **options) -> Driver:
    """Keyed by the first item of each record."""
    return Driver(Process(name="op", key_selector=lambda record: record[0], function=function), **options)


class Split(ProcessFunction):
    def process(self, value, ctx):
        if value % 2:
            yield ODD, value
        else:
            yield value


class Counting(KeyedProcessFunction):
    def open(self, context):
        self.count = context.state(ValueStateDescriptor("count", default=0))

    def process(self, value, ctx):
        self.count.update(self.count.value() + 1)
        yield ctx.key, self.count.value()


class Waking(KeyedProcessFunction):
    """A record is ``(key, event times, processing times)`` of timers to register."""

    def process(self, value, ctx):
        for time in value[1]:
            ctx.timers.register_event_time_timer(time)
        for time in value[2]:
            ctx.timers.register_processing_time_timer(time)

    def on_timer(self, timestamp, ctx):
        yield ctx.key, timestamp, ctx.time_domain, ctx.timers.current_watermark


def test_records_go_to_the_main_output_and_tagged_ones_aside():
    driver = Driver(Process(name="op", function=Split()))
    driver.rows(1, 2, 3, 4, stamps=[10, 20, 30, 40])
    assert driver.side("odd") == [1, 3]
    assert driver.stamped() == [(2, 20), (4, 40)]
    assert (driver.counters.records_in, driver.counters.records_out) == (4, 4)


def test_a_plain_function_of_record_and_context_will_do():
    driver = Driver(Process(name="op", function=lambda value, ctx: [value, ctx.timestamp]))
    driver.rows("a", stamps=[7])
    driver.rows("b")
    assert driver.main() == ["a", 7, "b", None]


def test_nothing_is_a_result_too():
    driver = Driver(Process(name="op", function=lambda value, ctx: None))
    driver.rows(1)
    assert driver.main() == []


def test_text_is_no_list_of_records():
    driver = Driver(Process(name="op", function=lambda value, ctx: "text"))
    with pytest.raises(OperatorFailed) as failed:
        driver.rows(1)
    assert "yield its records or to return them in a list, found 'text'" in str(failed.value.error)


def test_results_without_end_come_in_batches():
    def endless(value, ctx):
        while True:
            yield value

    driver = Driver(Process(name="op", function=endless))
    elements = iter(driver.operator.process(Rows([1])))
    assert [len(next(elements).values) for _ in range(3)] == [LIMIT] * 3


def test_state_is_of_the_key_at_hand():
    driver = keyed(Counting())
    driver.rows("a", "b", "a")
    assert driver.main() == [("a", 1), ("b", 1), ("a", 2)]


def test_state_is_given_in_pieces_and_changes_alone_with_on_error_too():
    spec = Process(name="op", key_selector=lambda n: n, function=Counting(), on_error="skip")
    driver = Driver(spec, incremental=True, **{"checkpoint.interval": "1s"})
    driver.rows(*range(3))
    completed(driver.operator.capture(changes_only=False))
    driver.rows(1)
    changes = driver.operator.capture(changes_only=True)
    assert changes.is_delta
    assert len(completed(changes).key_groups) == 1


def test_keys_that_came_along_are_used_as_they_are():
    driver = keyed(Counting())
    driver.rows("x", "y", "z", keys=[1, 2, 1])
    assert driver.main() == [(1, 1), (2, 1), (1, 2)]


def test_a_record_that_is_the_state_itself_is_copied():
    """``yield self.lines.value()`` before the next record changes the list: what was yielded stays as it was."""

    class Growing(KeyedProcessFunction):
        def open(self, context):
            self.lines = context.state(ValueStateDescriptor("lines", default_factory=list))

        def process(self, value, ctx):
            self.lines.value().append(value[1])
            yield self.lines.value()

    driver = keyed(Growing())
    driver.rows(("a", 1), ("a", 2))
    assert driver.main() == [[1], [1, 2]]
    shared = keyed(Growing(), **{"object.reuse": True})
    shared.rows(("a", 1), ("a", 2))
    assert shared.main() == [[1, 2], [1, 2]]


def test_event_time_timers_fire_with_the_watermark_in_order():
    driver = keyed(Waking())
    driver.rows(("a", [30, 10], []), ("b", [20, 20], []))
    driver.watermark(20)
    event = TimeDomain.EVENT
    assert driver.stamped() == [(("a", 10, event, 20), 10), (("b", 20, event, 20), 20)]
    driver.watermark(29)
    assert driver.main() == []
    driver.end()
    assert driver.main() == [("a", 30, event, MAX_TIMESTAMP)]


def test_a_timer_of_the_past_fires_with_the_next_watermark():
    driver = keyed(Waking())
    driver.watermark(100)
    driver.rows(("a", [5], []))
    assert driver.main() == []
    driver.watermark(101)
    assert [record[:2] for record in driver.main()] == [("a", 5)]


def test_processing_time_timers_fire_by_the_clock_and_have_no_timestamp():
    driver = keyed(Waking())
    driver.rows(("a", [], [50]), ("b", [], [10]), stamps=[1, 2])
    driver.advance(9)
    assert driver.main() == []
    driver.advance(41)
    processing = TimeDomain.PROCESSING
    assert driver.stamped() == [
        (("b", 10, processing, MIN_TIMESTAMP), None),
        (("a", 50, processing, MIN_TIMESTAMP), None),
    ]


def test_at_the_end_all_timers_fire():
    driver = keyed(Waking())
    driver.rows(("a", [MAX_TIMESTAMP, 10], [1_000_000]))
    driver.end()
    assert [record[1] for record in driver.main()] == [10, MAX_TIMESTAMP, 1_000_000]


def test_without_the_last_watermark_nothing_fires_at_the_end():
    """A job that was stopped without draining has not seen all of its input."""
    driver = keyed(Waking())
    driver.rows(("a", [10], [10]))
    driver._take(driver.operator.end())
    assert driver.main() == []


def test_deleted_timers_do_not_fire():
    class Moving(Waking):
        def process(self, value, ctx):
            ctx.timers.delete_event_time_timer(value[1] - 1)
            ctx.timers.register_event_time_timer(value[1])

    driver = keyed(Moving())
    for time in (1, 2, 3):
        driver.rows(("a", time))
    driver.end()
    assert [record[1] for record in driver.main()] == [3]


def test_a_timer_may_register_the_next_one_until_the_end_of_input():
    class Every10(Waking):
        def on_timer(self, timestamp, ctx):
            ctx.timers.register_event_time_timer(timestamp + 10)
            yield timestamp

    driver = keyed(Every10())
    driver.rows(("a", [10], []), ("b", [45], []))
    driver.watermark(30)
    assert driver.main() == [10, 20, 30]
    with pytest.warns(UserWarning, match="operator 'op': 2 timers, registered by timers of the end of input"):
        driver.end()
    assert driver.main() == [40, 45]


def test_how_often_a_timer_follows_another_at_the_end_does_not_depend_on_other_keys():
    class Every10(Waking):
        def on_timer(self, timestamp, ctx):
            ctx.timers.register_event_time_timer(timestamp + 10)
            yield ctx.key, timestamp

    driver = keyed(Every10())
    driver.rows(("a", [10], []), ("b", [15, 32], []), ("c", [1_000], []))
    with pytest.warns(UserWarning, match="operator 'op': 4 timers"):
        driver.end()
    assert driver.main() == [("a", 10), ("b", 15), ("b", 25), ("b", 32), ("c", 1_000)]


def test_a_timer_that_fails_at_the_end_after_it_registered_the_next_one_comes_to_an_end():
    class Failing(Waking):
        def on_timer(self, timestamp, ctx):
            ctx.timers.register_event_time_timer(timestamp + 10)
            raise ValueError(timestamp)

    with OperatorHarness(lambda s: s.key_by(lambda v: v[0]).process(Failing(), on_error="skip")) as harness:
        harness.push(("a", [10, 20], []), ("b", [15], []), timestamp=0)
        with pytest.warns(UserWarning, match="2 timers"):
            harness.end()
        assert harness.records_failed == 3


@pytest.mark.parametrize("timestamp", [1.5, None, "10", True, MAX_TIMESTAMP + 1, MIN_TIMESTAMP])
def test_a_timer_needs_a_timestamp(timestamp):
    driver = keyed(Waking())
    with pytest.raises(OperatorFailed) as failed:
        driver.rows(("a", [timestamp], []))
    assert isinstance(failed.value.error, StateError)
    assert "needs a timestamp of" in str(failed.value.error)


def test_a_timer_that_would_fire_for_ever_is_refused():
    class Again(Waking):
        def on_timer(self, timestamp, ctx):
            ctx.timers.register_event_time_timer(timestamp)

    driver = keyed(Again())
    driver.rows(("a", [5], []))
    with pytest.raises(OperatorFailed, match="timer of 5 for key 'a'") as failed:
        driver.watermark(5)
    assert "it would fire at once, and so without end" in str(failed.value.error)


def test_timers_need_keys_and_a_function_that_hears_of_them():
    class Unkeyed(ProcessFunction):
        def process(self, value, ctx):
            ctx.timers.register_event_time_timer(1)

    for driver in (Driver(Process(name="op", function=Unkeyed())), keyed(Unkeyed())):
        with pytest.raises(OperatorFailed) as failed:
            driver.rows(("a",))
        assert "can have no timers" in str(failed.value.error)


def test_there_is_no_key_in_open():
    class Early(KeyedProcessFunction):
        def open(self, context):
            context.state(ValueStateDescriptor("v")).update(1)

        def process(self, value, ctx):
            return ()

    with pytest.raises(OperatorFailed) as failed:
        keyed(Early())
    assert "state 'v' was used where there is no key" in str(failed.value.error)


def test_state_needs_a_keyed_stream():
    class Unkeyed(ProcessFunction):
        def open(self, context):
            context.state(ValueStateDescriptor("v"))

        def process(self, value, ctx):
            return ()

    with pytest.raises(OperatorFailed) as failed:
        Driver(Process(name="op", function=Unkeyed()))
    assert "operator 'op' asks for keyed state (ValueStateDescriptor('v'))" in str(failed.value.error)


def test_an_unhashable_key_is_blamed_on_its_record():
    driver = Driver(Process(name="op", key_selector=lambda record: [record], function=Counting()))
    with pytest.raises(OperatorFailed) as failed:
        driver.rows(1)
    assert failed.value.record == 1
    assert "expected a key of" in str(failed.value.error)


def test_state_expires_also_when_no_record_comes():
    class Remembering(KeyedProcessFunction):
        def open(self, context):
            self.last = context.state(ValueStateDescriptor("last", ttl=StateTtlConfig(100)))

        def process(self, value, ctx):
            yield self.last.value()
            self.last.update(value)

    driver = keyed(Remembering())
    driver.rows("a", "a")
    assert driver.main() == [None, "a"]
    space = driver.operator._managed._backend.table("state:last (value, ttl)").space()
    assert len(space) == 1
    driver.advance(120)
    assert not space
    driver.rows("a")
    assert driver.main() == [None]


@pytest.mark.parametrize("parallelism", [1, 3])
def test_a_snapshot_goes_on_where_it_was_taken(parallelism):
    """State and timers of each key are found by the subtask that gets the key's records."""

    class Both(Waking):
        def open(self, context):
            self.seen = context.state(ListStateDescriptor("seen"))

        def process(self, value, ctx):
            self.seen.add(value[0])
            yield from super().process(value, ctx) or ()

        def on_timer(self, timestamp, ctx):
            yield ctx.key, timestamp, self.seen.get()

    driver = keyed(Both())
    driver.rows(*((key, [key + 5], []) for key in range(20)))
    whole = StateSnapshot.joined([driver.operator.snapshot()])
    fired = []
    for subtask in range(parallelism):
        restored = keyed(Both(), snapshot=whole, subtask=subtask, parallelism=parallelism)
        restored.end()
        fired += restored.main()
    assert sorted(fired) == [(key, key + 5, [key]) for key in range(20)]
