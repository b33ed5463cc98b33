from functools import partial

import pytest

from sage_local import (
    BaseFunction,
    ConfigError,
    DataStream,
    DataStreamSink,
    FilterFunction,
    FunctionError,
    KeyedStream,
    LocalEnvironment,
    MapFunction,
    PlanError,
    SinkFunction,
    SourceFunction,
)
from sage_local.functions.aggregates import Count, Max, Mean, Min, Sum
from sage_local.plan import operators
from sage_local.plan.graph import Exchange, Input


class Doubler(MapFunction[int, int]):
    def map(self, value):
        return 2 * value


class Positive(FilterFunction[int]):
    def filter(self, value):
        return value > 0


class Store(SinkFunction[int]):
    def write(self, value):
        return None


def parse(value):
    return value


class Parser:
    def __call__(self, value):
        return value


@pytest.fixture
def env():
    return LocalEnvironment("streams", {"parallelism": 2})


@pytest.fixture
def numbers(env):
    return env.from_collection([1, 2, 3])


def nodes(env):
    program = env._program
    return program.graph(program.sinks()).nodes


def names(env):
    return [node.operator.name for node in nodes(env)]


class TestNames:
    def test_an_operator_is_named_after_its_function(self, env, numbers):
        numbers.map(parse).map(Doubler()).filter(Positive()).map(str.strip).map(int).sink(print)
        assert names(env) == ["from_collection", "parse", "Doubler", "Positive", "strip", "int", "print"]

    def test_without_a_function_name_it_has_the_operators_own(self, env, numbers):
        stream = numbers.map(lambda value: value).filter(lambda value: value).flat_map(lambda value: [value])
        keyed = stream.key_by(lambda value: value)
        keyed.reduce(lambda first, second: first).print()
        keyed.count().sink(lambda value: None)
        assert names(env) == ["from_collection", "map", "filter", "flat_map", "reduce", "print", "count", "sink"]

    def test_a_partial_is_named_after_its_function(self, env, numbers):
        numbers.map(partial(partial(parse))).print()
        assert names(env)[1] == "parse"

    def test_a_callable_object_is_named_after_its_class(self, env, numbers):
        numbers.map(Parser()).print()
        assert names(env)[1] == "Parser"

    def test_a_given_name_wins(self, env, numbers):
        numbers.map(parse, name="input-parser").sink(Store(), name="store")
        assert names(env) == ["from_collection", "input-parser", "store"]

    def test_equal_names_of_one_job_are_told_apart(self, env, numbers):
        numbers.map(parse).map(parse).map(parse, name="parse-2").print()
        assert names(env) == ["from_collection", "parse", "parse-2", "parse-2-2", "print"]

    @pytest.mark.parametrize("name", ["", "  ", 5])
    def test_a_name_is_text_that_is_not_empty(self, numbers, name):
        with pytest.raises(PlanError, match="name: expected a line of text"):
            numbers.map(parse, name=name)


class TestBuilding:
    def test_streams_are_immutable_so_each_use_gets_the_same_records(self, env, numbers):
        numbers.map(parse).print()
        numbers.filter(Positive()).print()
        assert [[source.node for source in node.inputs] for node in nodes(env)] == [[], [0], [1], [0], [3]]

    def test_what_no_sink_needs_does_not_run(self, env, numbers):
        numbers.map(parse)
        numbers.print()
        assert names(env) == ["from_collection", "print"]

    def test_functions_reach_the_graph_as_they_were_given(self, env, numbers):
        function = Doubler()
        numbers.map(function).print("> ")
        _, mapped, printed = (node.operator for node in nodes(env))
        assert isinstance(mapped, operators.Map)
        assert mapped.function is function
        assert isinstance(printed, operators.Print)
        assert printed.prefix == "> "

    def test_the_ends_of_streams_are_sinks(self, numbers):
        assert isinstance(numbers.print(), DataStreamSink)
        assert isinstance(numbers.sink(print), DataStreamSink)

    def test_parallelism_is_none_where_the_jobs_applies(self, env, numbers):
        numbers.map(parse, parallelism=3).map(parse).print(parallelism=2)
        assert [node.parallelism for node in nodes(env)] == [None, 3, None, 2]

    @pytest.mark.parametrize("parallelism", [0, -1, 1.5, True, "2"])
    def test_parallelism_is_a_positive_whole_number(self, env, numbers, parallelism):
        with pytest.raises(PlanError, match="parallelism: expected a whole number of at least 1"):
            numbers.map(parse, parallelism=parallelism)
        with pytest.raises(PlanError, match="parallelism: expected a whole number of at least 1"):
            env.from_collection([], parallelism=parallelism)

    @pytest.mark.parametrize(
        "apply",
        [
            lambda stream: stream.map(Doubler),
            lambda stream: stream.map(Positive()),
            lambda stream: stream.filter(5),
            lambda stream: stream.flat_map(None),
            lambda stream: stream.key_by("name"),
            lambda stream: stream.sink(Doubler()),
            lambda stream: stream.key_by(parse).reduce(parse),
            lambda stream: stream.key_by(parse).aggregate(parse),
            lambda stream: stream.key_by(parse).aggregate(Count),
            lambda stream: stream.union([1]),
            lambda stream: stream.print(5),
        ],
    )
    def test_what_is_no_function_of_the_kind_is_refused_while_the_program_is_built(self, numbers, apply):
        with pytest.raises(FunctionError):
            apply(numbers)

    def test_a_base_function_fits_every_operator_of_one_record(self, env, numbers):
        class Everywhere(BaseFunction):
            def process(self, value):
                return [value]

        numbers.map(Everywhere()).filter(Everywhere()).flat_map(Everywhere()).sink(Everywhere())
        assert names(env) == ["from_collection", "Everywhere", "Everywhere-2", "Everywhere-3", "Everywhere-4"]


class TestExchanges:
    def inputs(self, env):
        return [node.inputs for node in nodes(env)]

    def test_operators_follow_each_other_in_order_unless_something_else_is_asked(self, env, numbers):
        numbers.print()
        assert self.inputs(env)[-1] == (Input(0),)

    @pytest.mark.parametrize(
        ("ask", "exchange"),
        [
            (DataStream.rebalance, Exchange.REBALANCE),
            (DataStream.broadcast, Exchange.BROADCAST),
            (lambda stream: stream.broadcast().rebalance(), Exchange.REBALANCE),
            (lambda stream: stream.key_by(parse).rebalance(), Exchange.REBALANCE),
        ],
    )
    def test_the_last_exchange_asked_for_is_used(self, env, numbers, ask, exchange):
        ask(numbers).map(parse).print()
        assert self.inputs(env)[1] == (Input(0, exchange),)

    def test_a_union_has_several_inputs(self, env, numbers):
        others = env.from_collection([4]), env.from_collection([5])
        numbers.union(*others).print()
        assert self.inputs(env)[-1] == (Input(0), Input(1), Input(2))

    def test_a_union_keeps_what_each_stream_asked_for_but_keys(self, env, numbers):
        numbers.rebalance().union(numbers.key_by(parse)).print()
        assert self.inputs(env)[-1] == (Input(0, Exchange.REBALANCE), Input(0))

    def test_streams_of_two_environments_do_not_unite(self, numbers):
        with pytest.raises(PlanError, match="streams of one environment"):
            numbers.union(LocalEnvironment().from_collection([1]))


class TestKeys:
    def test_key_by_partitions_once_and_what_follows_keeps_the_partitioning(self, env, numbers):
        keyed = numbers.key_by(parse).map(Doubler()).filter(Positive()).flat_map(lambda value: [value])
        assert isinstance(keyed, KeyedStream)
        keyed.reduce(lambda first, second: first + second).print()
        graph = nodes(env)
        assert graph[1].inputs == (Input(0, Exchange.HASH, parse),)
        assert [node.inputs for node in graph[2:]] == [(Input(1),), (Input(2),), (Input(3),), (Input(4),)]
        assert [node.operator.key_selector for node in graph] == [None, parse, parse, parse, parse, None]

    def test_the_partitioning_decides_the_parallelism_of_what_follows(self, env, numbers):
        numbers.key_by(parse).map(parse, parallelism=3).count().print()
        assert [node.parallelism for node in nodes(env)] == [None, 3, 3, None]

    def test_another_parallelism_behind_the_partitioning_is_refused(self, numbers):
        keyed = numbers.key_by(parse).map(parse)
        with pytest.raises(PlanError, match=r"'count' asks for parallelism 3, but .* call key_by\(\) again"):
            keyed.count(parallelism=3)

    def test_key_by_again_may_have_another_parallelism(self, env, numbers):
        numbers.key_by(parse).map(parse).key_by(parse).count(parallelism=3).print()
        assert nodes(env)[2].parallelism == 3

    @pytest.mark.parametrize(
        ("apply", "function"),
        [
            (KeyedStream.count, Count),
            (KeyedStream.sum, Sum),
            (KeyedStream.min, Min),
            (KeyedStream.max, Max),
            (KeyedStream.mean, Mean),
        ],
    )
    def test_the_built_in_aggregates(self, env, numbers, apply, function):
        apply(numbers.key_by(parse)).print()
        operator = nodes(env)[1].operator
        assert isinstance(operator, operators.Aggregate)
        assert type(operator.function) is function
        assert operator.name == function.__name__.lower()

    def test_what_an_aggregate_emits_has_no_keys(self, numbers):
        assert type(numbers.key_by(parse).sum("x")) is DataStream


class TestSources:
    def test_splits_are_named_at_submit_in_the_callers_process(self, env):
        class Splitting(SourceFunction[int]):
            def splits(self):
                return ["a", "b"]

            def open_split(self, split, position=None):
                raise AssertionError("nothing is run here")

        env.from_source(Splitting()).print()
        assert nodes(env)[0].operator.splits == ("a", "b")
        assert nodes(env)[0].operator.name == "Splitting"

    def test_a_push_source_has_no_splits(self, env):
        env.from_generator(lambda: [1]).print()
        assert nodes(env)[0].operator.splits is None

    def test_a_source_class_is_not_a_source(self, env):
        with pytest.raises(FunctionError, match=r"from_source\(\) takes an instance, found the class SourceFunction"):
            env.from_source(SourceFunction)

    def test_something_else_is_not_a_source(self, env):
        with pytest.raises(FunctionError, match=r"from_source\(\) takes an instance of SourceFunction, found \[1\]"):
            env.from_source([1])

    def test_each_kind_of_source_is_named_after_its_method(self, env, tmp_path):
        path = tmp_path / "lines"
        path.write_text("a\n1\n")
        env.from_text(path).print()
        env.from_json_lines(str(path)).print()
        env.from_csv(path, delimiter=";").print()
        env.from_socket("localhost", 1).print()
        env.from_batch((1, 2)).print()
        sources = [node.operator.name for node in nodes(env) if not node.inputs]
        assert sources == ["from_text", "from_json_lines", "from_csv", "from_socket", "from_batch"]


def test_a_config_that_is_wrong_is_refused_by_the_constructor():
    with pytest.raises(ConfigError, match="unknown setting 'paralelism'"):
        LocalEnvironment(config={"paralelism": 2})


@pytest.mark.parametrize("name", ["", 5, None])
def test_a_job_has_a_name(name):
    with pytest.raises(PlanError, match="name: expected the job's name"):
        LocalEnvironment(name)


@pytest.mark.parametrize("name", ["count", "sum", "reduce", "window"])
def test_what_needs_a_key_says_so_where_there_is_none(name):
    """The commonest mistake of all."""
    stream = LocalEnvironment("test").from_collection([1])
    with pytest.raises(
        AttributeError, match=f"'DataStream' object has no attribute '{name}': call key_by\\(\\) before"
    ):
        getattr(stream, name)
    with pytest.raises(AttributeError, match=r"'DataStream' object has no attribute 'explode'$"):
        stream.explode()
