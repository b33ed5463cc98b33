import functools

import pytest

from sage_local.errors import FunctionError
from sage_local.functions import (
    BaseFunction,
    FilterFunction,
    FlatMapFunction,
    FunctionContext,
    KeySelector,
    MapFunction,
    ReduceFunction,
    Role,
    SinkFunction,
    SourceFunction,
    bind,
    close_function,
    open_function,
)

CONTEXT = FunctionContext(job_name="job", operator_name="op", subtask_index=0, parallelism=1)


class Double(MapFunction[int, int]):
    def map(self, value):
        return 2 * value


class ProcessingMap(MapFunction[int, int]):
    def process(self, value):
        return 3 * value


class Both(MapFunction[int, int]):
    def map(self, value):
        return self.process(value) + 1

    def process(self, value):
        return 10 * value


class Plain(BaseFunction):
    def process(self, value):
        return [value]


class Callable:
    def __call__(self, value):
        return value


class Add(ReduceFunction[int]):
    def reduce(self, first, second):
        return first + second


class Writer(SinkFunction[int]):
    def write(self, value):
        return None


class Invoker(SinkFunction[int]):
    def invoke(self, value):
        return "invoked"


class Parity(KeySelector[int, int]):
    def get_key(self, value):
        return value % 2


class Positive(FilterFunction[int]):
    def filter(self, value):
        return value > 0


class Twice(FlatMapFunction[int, int]):
    def flat_map(self, value):
        yield value
        yield value


class Source(SourceFunction[int]):
    pass


def add(first, second):
    return first + second


def one_by_one(value):
    yield value


async def later(value):
    return value


async def later_one_by_one(value):
    yield value


@pytest.mark.parametrize(
    ("function", "role", "arguments", "result"),
    [
        (str, Role.MAP, (5,), "5"),
        (str.upper, Role.MAP, ("a",), "A"),
        (lambda value: -value, Role.MAP, (5,), -5),
        (functools.partial(add, 1), Role.MAP, (2,), 3),
        (Callable(), Role.MAP, (5,), 5),
        (Double(), Role.MAP, (5,), 10),
        (ProcessingMap(), Role.MAP, (5,), 15),
        (Both(), Role.MAP, (5,), 51),
        (Plain(), Role.MAP, (5,), [5]),
        (Plain(), Role.FLAT_MAP, (5,), [5]),
        (Plain(), Role.FILTER, (5,), [5]),
        (Plain(), Role.SINK, (5,), [5]),
        (Positive(), Role.FILTER, (5,), True),
        (Parity(), Role.KEY, (5,), 1),
        (Add(), Role.REDUCE, (1, 2), 3),
        (add, Role.REDUCE, (1, 2), 3),
        (max, Role.REDUCE, (1, 2), 2),
        (Writer(), Role.SINK, (5,), None),
        (Invoker(), Role.SINK, (5,), "invoked"),
        (print, Role.SINK, (), None),
    ],
)
def test_what_fits_a_role_becomes_a_callable(function, role, arguments, result, capsys):
    assert bind(function, role)(*arguments) == result


def test_generators_fit_flat_map():
    assert list(bind(one_by_one, Role.FLAT_MAP)(1)) == [1]
    assert list(bind(Twice(), Role.FLAT_MAP)(1)) == [1, 1]


def test_a_role_may_be_given_by_its_hook():
    assert bind(Parity(), "get_key")(3) == 1


def test_a_bound_function_can_be_bound_again():
    assert bind(bind(Double(), Role.MAP), Role.MAP)(5) == 10


@pytest.mark.parametrize(
    ("function", "role", "told"),
    [
        (Double, Role.MAP, r"map\(\) takes an instance, found the class Double itself: write Double\(\.\.\.\)"),
        (Source, Role.MAP, r"map\(\) takes an instance, found the class Source itself"),
        (Positive(), Role.MAP, r"map\(\) takes a callable or a MapFunction, found the FilterFunction Positive"),
        (Add(), Role.SINK, r"sink\(\) takes a callable or a SinkFunction, found the ReduceFunction Add"),
        (Plain(), Role.REDUCE, r"reduce\(\) takes a callable or a ReduceFunction, found the BaseFunction Plain"),
        (5, Role.MAP, r"map\(\) takes a callable or a MapFunction, found 5"),
        (None, Role.FILTER, r"filter\(\) takes a callable or a FilterFunction, found None"),
        (MapFunction(), Role.MAP, r"MapFunction given to map\(\) overrides neither map\(\) nor process\(\)"),
        (SinkFunction(), Role.SINK, r"SinkFunction given to sink\(\) overrides neither write\(\) nor invoke\(\)"),
        (BaseFunction(), Role.MAP, r"BaseFunction given to map\(\) does not override process\(\)"),
        (one_by_one, Role.MAP, r"map\(\) takes a function that returns, found the generator function one_by_one"),
        (one_by_one, Role.FILTER, r"filter\(\) takes a function that returns, found the generator function"),
        (one_by_one, Role.SINK, r"sink\(\) takes a function that returns, found the generator function"),
        (later, Role.MAP, r"map\(\) takes a plain function, found the asynchronous later"),
        (later_one_by_one, Role.FLAT_MAP, r"flat_map\(\) takes a plain function, found the asynchronous"),
        (lambda: 1, Role.MAP, r"map\(\) calls its function with one argument, found .*<lambda>\(\): too many"),
        (add, Role.MAP, r"map\(\) calls its function with one argument, found add\(first, second\): missing"),
        (str.upper, Role.REDUCE, r"reduce\(\) calls its function with 2 arguments, found str\.upper"),
    ],
)
def test_what_does_not_fit_a_role_is_refused_with_what_was_expected_and_found(function, role, told):
    with pytest.raises(FunctionError, match=told):
        bind(function, role)


class Recorder(BaseFunction):
    def __init__(self):
        self.calls = []

    def open(self, context):
        self.calls.append(context)

    def close(self):
        self.calls.append("closed")

    def process(self, value):
        return value


@pytest.mark.parametrize("given", [lambda function: function, lambda function: bind(function, Role.MAP)])
def test_a_function_class_is_opened_and_closed_also_by_its_bound_method(given):
    recorder = Recorder()
    open_function(given(recorder), CONTEXT)
    close_function(given(recorder))
    assert recorder.calls == [CONTEXT, "closed"]


@pytest.mark.parametrize("function", [print, str.split, lambda value: value, Callable(), functools.partial(add, 1)])
def test_a_plain_callable_has_nothing_to_open_or_close(function):
    open_function(function, CONTEXT)
    close_function(function)


def test_a_function_class_needs_no_call_of_its_base_constructor():
    class Configured(MapFunction[int, int]):
        def __init__(self, factor):
            self.factor = factor

        def map(self, value):
            return value * self.factor

    function = Configured(3)
    open_function(function, CONTEXT)
    assert bind(function, Role.MAP)(2) == 6


def test_the_name_of_a_column_as_the_key_of_rows_is_told_how_to_write_it() -> None:
    with pytest.raises(FunctionError, match=r"a stream of rows, .*: write key_by\(lambda row: row\['sensor'\]\)"):
        bind("sensor", Role.KEY)
    with pytest.raises(FunctionError, match=r"found 'sensor'$"):
        bind("sensor", Role.MAP)
