import pytest

from sage_local import (
    BroadcastProcessFunction,
    CoMapFunction,
    CoProcessFunction,
    FailedRecord,
    FunctionError,
    LocalEnvironment,
    OutputTag,
    PlanError,
    ProcessFunction,
    TwoPhaseCommitSink,
)
from sage_local.api.overrides import Overrides, Planned, no_further, overriding
from sage_local.functions.co_shape import CoShape
from sage_local.plan import operators
from sage_local.plan.graph import Exchange, Input

BAD = OutputTag[FailedRecord]("bad")


class Labels(CoMapFunction):
    def map1(self, value):
        return 1

    def map2(self, value):
        return 2


class Both(CoProcessFunction):
    def process1(self, value, ctx):
        yield value

    def process2(self, value, ctx):
        yield value


class Rules(BroadcastProcessFunction):
    def process(self, value, ctx):
        yield value

    def process_broadcast(self, value, ctx):
        return None


class Anything(ProcessFunction):
    def process(self, value, ctx):
        yield value


@pytest.fixture
def env():
    return LocalEnvironment("connected", {"parallelism": 2})


@pytest.fixture
def numbers(env):
    return env.from_collection([1, 2, 3])


@pytest.fixture
def words(env):
    return env.from_collection(["a", "b"])


def last(env):
    return env._program._nodes[-1]


def test_each_stream_is_an_input_of_its_own(env, numbers, words):
    numbers.union(numbers).connect(words).map(Labels(), name="labels", parallelism=3)
    node = last(env)
    assert (node.operator.name, node.operator.shape, node.parallelism) == ("labels", CoShape.MAP, 3)
    assert [source.index for source in node.inputs] == [0, 0, 1]


def test_keys_are_given_before_or_after(env, numbers, words):
    numbers.key_by(abs).connect(words.key_by(len)).process(Both())
    before = last(env)
    numbers.connect(words).key_by(abs, len).process(Both())
    after = last(env)
    assert before.operator.key_selectors == after.operator.key_selectors == (abs, len)
    assert before.inputs == after.inputs
    assert all(source.exchange is Exchange.HASH for source in after.inputs)


def test_one_key_selector_does_for_all(env, numbers):
    numbers.connect(numbers, numbers).key_by(abs)
    assert numbers.connect(numbers).key_by(abs)._ends[1].key_selector is abs


def test_the_broadcast_pattern_is_told_by_its_function(env, numbers, words):
    numbers.key_by(abs).connect(words.broadcast()).process(Rules())
    assert last(env).operator.shape is CoShape.BROADCAST
    assert last(env).operator.key_selectors == (abs, None)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda n, w: n.connect(w).process(Rules()), "takes one stream connected with one that is broadcast"),
        (lambda n, w: n.broadcast().connect(w.broadcast()).process(Rules()), "takes one stream connected"),
        (lambda n, w: n.key_by(abs).connect(w).process(Both()), "connects a keyed stream with one without keys"),
        (lambda n, w: n.connect(w).key_by(abs, abs, abs), "takes a key selector for each, or one for all; found 3"),
        (lambda n, w: n.connect(), "connect() takes at least one other stream"),
        (lambda n, w: n.connect([1]), "connect() takes streams, found [1]"),
        (lambda n, w: n.connect(w).map(Both()), "map() of connected streams takes an instance of CoMapFunction"),
        (lambda n, w: n.connect(w, w).map(Labels()), "does not override map3()"),
        (lambda n, w: n.map(str).side_output(BAD), "operator 'str' has no side output 'bad'"),
        (lambda n, w: n.union(w).side_output(BAD), "is a union or a side output"),
        (lambda n, w: n.process(Anything()).side_output("bad"), "side_output() takes an OutputTag, found 'bad'"),
        (lambda n, w: n.map(str, on_error="ignore"), "on_error must be"),
        (
            lambda n, w: n.key_by(abs).map(abs, parallelism=3).connect(w.key_by(len).map(len)).map(Labels()),
            "partitioned at different parallelism",
        ),
    ],
)
def test_what_can_not_be_put_together_is_refused(numbers, words, build, message):
    with pytest.raises((PlanError, FunctionError)) as refused:
        build(numbers, words)
    assert message in str(refused.value)


def test_streams_of_two_environments_do_not_connect(numbers):
    with pytest.raises(PlanError, match="streams of one environment"):
        numbers.connect(LocalEnvironment("other").from_collection([1]))


def test_a_side_output_is_read_from_its_operator(env, numbers):
    process = numbers.process(Anything())
    process.side_output(BAD).map(str)
    assert last(env).inputs == (Input(process._end.inputs[0].node, tag="bad"),)


@pytest.mark.parametrize("on_error", ["fail", "skip", BAD])
def test_every_operator_takes_on_error(env, numbers, on_error):
    keyed = numbers.key_by(abs)
    numbers.map(str, on_error=on_error)
    numbers.filter(abs, on_error=on_error)
    numbers.flat_map(str, on_error=on_error)
    numbers.process(Anything(), on_error=on_error)
    numbers.sink(print, on_error=on_error)
    numbers.print(on_error=on_error)
    keyed.map(str, on_error=on_error)
    keyed.reduce(max, on_error=on_error)
    keyed.sum(on_error=on_error)
    keyed.count_window(2).sum(on_error=on_error)
    numbers.connect(numbers).map(Labels(), on_error=on_error)
    declared = [node.operator for node in env._program._nodes if not isinstance(node.operator, operators.Source)]
    assert {operator.on_error for operator in declared} == {on_error}


def test_a_transactional_sink_takes_no_on_error(numbers):
    class Table(TwoPhaseCommitSink):
        def write(self, value):
            """Would write it."""

    with pytest.raises(PlanError, match="it takes no on_error"):
        numbers.sink(Table(), on_error="skip")


def test_a_declared_side_output_that_nobody_reads_is_warned_of(numbers, monkeypatch):
    monkeypatch.setattr("sage_local.runtime.launcher.launch", lambda *_, **__: pytest.fail("planned only"))
    stream = numbers.map(str, name="text", on_error=BAD)
    message = "operator 'text' has the side output 'bad', which nobody reads"
    with overriding(Overrides(on_planned=no_further)):
        with pytest.warns(UserWarning, match=message), pytest.raises(Planned):
            stream.collect()
        stream.side_output(BAD)
        with pytest.raises(Planned):
            stream.collect()
