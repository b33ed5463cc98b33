"""State, timers, side outputs and connected streams as users see them, on both engines."""

import random
from collections import Counter

import pytest

from sage_local import (
    AggregateFunction,
    BroadcastProcessFunction,
    BroadcastStateDescriptor,
    CoProcessFunction,
    FailedRecord,
    GlobalWindow,
    KeyedProcessFunction,
    LocalEnvironment,
    MapFunction,
    OperatorError,
    OutputTag,
    ReduceFunction,
    TumblingEventTimeWindows,
    TumblingProcessingTimeWindows,
    ValueStateDescriptor,
    WatermarkGenerator,
    WatermarkStrategy,
)

LARGE = OutputTag[int]("large")
FAILED = OutputTag[FailedRecord]("failed")
RULES = BroadcastStateDescriptor("rules")


@pytest.fixture(params=["inline-1", "inline-3", "processes-2"])
def config(request):
    engine, parallelism = request.param.split("-")
    return {"execution.engine": engine, "parallelism": int(parallelism)}


@pytest.fixture
def env(config):
    return LocalEnvironment("state", config)


@pytest.fixture
def batch(config):
    return LocalEnvironment("batch", {**config, "execution.runtime-mode": "batch"})


class Numbering(MapFunction):
    def open(self, context):
        self.count = context.state(ValueStateDescriptor("count", default=0))

    def map(self, value):
        self.count.update(self.count.value() + 1)
        return value, self.count.value()


class Totals(KeyedProcessFunction):
    """Emits ``(key, total)`` once the watermark has passed 1000, and large numbers aside."""

    def open(self, context):
        self.total = context.state(ValueStateDescriptor("total", default=0))

    def process(self, value, ctx):
        self.total.update(self.total.value() + value)
        if ctx.timers.current_watermark < 1000:
            ctx.timers.register_event_time_timer(1000)
        if value >= 95:
            yield LARGE, value

    def on_timer(self, timestamp, ctx):
        yield ctx.key, self.total.value()


class Balance(CoProcessFunction):
    def open(self, context):
        self.balance = context.state(ValueStateDescriptor("balance", default=0))

    def process1(self, value, ctx):
        self.balance.update(self.balance.value() + 1)
        ctx.timers.register_event_time_timer(1)

    def process2(self, value, ctx):
        self.balance.update(self.balance.value() - 1)
        ctx.timers.register_event_time_timer(1)

    def on_timer(self, timestamp, ctx):
        yield ctx.key, self.balance.value()


class Counting(BroadcastProcessFunction):
    """Emits for every key at the end how many rules its subtask has heard of."""

    def process(self, value, ctx):
        ctx.timers.register_event_time_timer(1)

    def process_broadcast(self, value, ctx):
        ctx.broadcast_state(RULES).put(value, True)

    def on_timer(self, timestamp, ctx):
        yield ctx.key, sorted(ctx.broadcast_state(RULES).keys())


def test_a_keyed_map_numbers_the_records_of_each_key(env):
    numbered = env.from_collection(range(300)).key_by(lambda n: n % 7).map(Numbering()).collect()
    assert sorted(numbered) == [(n, n // 7 + 1) for n in range(300)]


def test_state_is_of_the_key_that_the_record_came_with(env):
    """A map in between makes something else of the record; the key stays."""
    stream = env.from_collection(range(60)).key_by(lambda n: n % 3).map(str).filter(lambda text: text != "0")
    assert sorted(int(text) for text, count in stream.map(Numbering()).collect() if count == 20) == [58, 59]
    assert sorted(stream.flat_map(lambda text: [text, text]).count().collect())[-1] == (2, 40)


def test_timers_fire_and_side_outputs_flow(env):
    strategy = WatermarkStrategy.for_monotonous_timestamps().with_timestamp_assigner(lambda n: n * 100)
    numbers = env.from_collection(range(100)).assign_timestamps_and_watermarks(strategy)
    totals = numbers.key_by(lambda n: n % 2).process(Totals())
    large = totals.side_output(LARGE).map(lambda n: n + 1)
    assert sorted(large.collect()) == [96, 97, 98, 99, 100]
    # How many numbers are in by then depends on the batches; each key fires once.
    assert sorted(key for key, _ in totals.collect()) == [0, 1]


def test_connected_streams_share_state_by_key(env):
    paid = env.from_collection(range(50)).key_by(lambda n: n % 5)
    owed = env.from_collection(range(40)).key_by(lambda n: n % 4)
    assert sorted(paid.connect(owed).process(Balance()).collect()) == [(0, 0), (1, 0), (2, 0), (3, 0), (4, 10)]


def test_every_subtask_hears_of_every_rule(env):
    numbers = env.from_collection(range(20)).key_by(lambda n: n)
    rules = env.from_collection(["b", "a"]).broadcast()
    found = numbers.connect(rules).process(Counting()).collect()
    assert sorted(found) == [(n, ["a", "b"]) for n in range(20)]


@pytest.mark.parametrize("engine", ["inline", "processes"])
def test_records_for_a_side_output_that_nobody_reads_are_warned_of_once(engine, capsys):
    env = LocalEnvironment("state", {"execution.engine": engine, "parallelism": 3})
    totals = env.from_collection(range(95, 195)).key_by(lambda n: n).process(Totals(), name="totals")
    totals.collect()
    assert capsys.readouterr().err == (
        "sage: operator 'totals' writes to the side output 'large', which nobody reads: its records are dropped;"
        " read it with side_output(), or do not write it\n"
    )


def test_failing_records_are_diverted_counted_and_the_rest_goes_on(env):
    inverse = env.from_collection([1, 0, 2, "x"]).map(lambda n: 10 // n, name="inverse", on_error=FAILED)
    inverse.print()
    failed = inverse.side_output(FAILED)
    assert [(each.record, each.operator, each.error.split(":")[0]) for each in failed.collect()] == [
        (0, "inverse", "ZeroDivisionError"),
        ("x", "inverse", "TypeError"),
    ]
    failed.print()
    result = env.submit()
    (operator,) = [each for each in result.operators if each.name == "inverse"]
    assert (operator.records_in, operator.records_out, operator.records_failed) == (4, 2, 2)


def test_skipped_records_are_counted(env):
    env.from_collection(["1", "two", "3"]).map(int, name="parse", on_error="skip").sink(print)
    (operator,) = [each for each in env.submit().operators if each.name == "parse"]
    assert (operator.records_out, operator.records_failed) == (2, 1)


class Joined(AggregateFunction):
    """Refuses to add an ``"x"`` and to give ``["3"]`` for a result."""

    def create_accumulator(self):
        return []

    def add(self, accumulator, value):
        if value == "x":
            raise ValueError("bad record")
        return [*accumulator, value]

    def get_result(self, accumulator):
        if accumulator == ["3"]:
            raise ValueError("bad result")
        return accumulator

    def merge(self, first, second):
        return first + second


class Apart(Joined):
    merge = AggregateFunction.merge


@pytest.mark.parametrize("function", [Joined(), Apart()])
def test_in_batch_mode_results_that_fail_are_diverted_too(batch, function):
    keyed = batch.from_collection(["1", "x", "3", "4", "1"]).key_by(lambda word: word)
    joined = keyed.aggregate(function, on_error=FAILED)
    failed = joined.side_output(FAILED)
    assert sorted(joined.collect()) == [("1", ["1", "1"]), ("4", ["4"])]
    said = {(each.record, each.error) for each in failed.collect()}
    assert said == {("x", "ValueError: bad record"), (("3", GlobalWindow()), "ValueError: bad result")}


def test_wrong_use_of_state_names_the_operator(env):
    with pytest.raises(OperatorError, match=r"operator 'Numbering' .* asks for keyed state .*stream\.key_by"):
        env.from_collection([1]).map(Numbering()).collect()


def test_a_key_selector_that_is_not_stable_is_found_out(env):
    stream = env.from_collection(range(10)).key_by(lambda n: random.randrange(10**12)).count()
    with pytest.raises(OperatorError, match="the key selector of 'count' is not stable"):
        stream.collect()


class Passing(KeyedProcessFunction):
    def process(self, value, ctx):
        yield value


@pytest.mark.parametrize(
    "build",
    [
        lambda keyed: keyed.count(on_error="skip"),
        lambda keyed: keyed.reduce(max, on_error="skip"),
        lambda keyed: keyed.process(Passing(), on_error="skip"),
        lambda keyed: keyed.map(Numbering(), on_error="skip"),
        lambda keyed: keyed.count_window(1).count(on_error="skip"),
        lambda keyed: keyed.window(TumblingProcessingTimeWindows.of("1h")).count(on_error="skip"),
    ],
    ids=["count", "reduce", "process", "map", "count window", "window"],
)
@pytest.mark.parametrize(
    ("selector", "reason"),
    [(lambda record: record[1], "IndexError"), (lambda record: float("nan"), r".*NaN can not be a key")],
    ids=["raises", "gives no key"],
)
def test_a_key_that_can_not_be_had_fails_the_job_in_spite_of_on_error(env, build, selector, reason):
    """Else it would depend on the parallelism: an exchange in front of the operator has no side outputs."""
    keyed = env.from_collection([("a",), ("b",)]).key_by(selector)
    with pytest.raises(OperatorError, match=rf"failed on record \('a',\): {reason}"):
        build(keyed).collect()


class Behind(WatermarkGenerator):
    def on_event(self, value, timestamp, output):
        output.emit_watermark(timestamp - 1)


@pytest.mark.parametrize(
    "strategy", [WatermarkStrategy.for_generator(Behind), WatermarkStrategy.for_monotonous_timestamps()]
)
def test_a_record_without_an_event_time_is_diverted_and_takes_no_other_with_it(env, strategy):
    events = env.from_collection([("a", 1), ("a", None), ("a", 2.5), ("a", 12), ("b", "x")])
    timed = events.assign_timestamps_and_watermarks(
        strategy.with_timestamp_assigner(lambda event: event[1]), name="times", on_error=FAILED
    )
    counts = timed.key_by(lambda event: event[0]).window(TumblingEventTimeWindows.of(10)).count()
    dead = timed.side_output(FAILED).map(lambda failed: (failed.operator, failed.record))
    expected = [("a", 1), ("a", 1), *(("times", event) for event in [("a", None), ("a", 2.5), ("b", "x")])]
    assert Counter(counts.union(dead).collect()) == Counter(expected)


class Forgetful(MapFunction):
    def open(self, context):
        self.context = context

    def map(self, value):
        return self.context.state(ValueStateDescriptor("count", 0)).value()


def test_state_that_a_map_asks_for_too_late_is_said_to_be_for_open(env):
    with pytest.raises(
        OperatorError, match=r"'Forgetful' asks for keyed state .* while it processes records: ask .*open"
    ):
        env.from_collection([1]).key_by(lambda number: number).map(Forgetful()).collect()


class CountingReduce(ReduceFunction):
    def open(self, context):
        self.calls = context.state(ValueStateDescriptor("calls", 0))

    def reduce(self, a, b):
        return a + b


@pytest.mark.parametrize(
    "build",
    [
        lambda numbers: numbers.reduce(CountingReduce()),
        lambda numbers: numbers.window(TumblingProcessingTimeWindows.of(10)).reduce(CountingReduce()),
        lambda numbers: numbers.count_window(2).reduce(CountingReduce()),
    ],
)
def test_a_function_that_folds_has_no_state_but_what_it_folds(env, build):
    with pytest.raises(
        OperatorError, match=r"what reduce\(\) and aggregate\(\) fold is all the state that theirs have"
    ):
        build(env.from_collection([1, 2]).key_by(lambda number: 0)).collect()
