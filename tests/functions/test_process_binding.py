import pytest

from sage_local import (
    CoMapFunction,
    CoProcessFunction,
    FunctionError,
    KeyedProcessFunction,
    MapFunction,
    ProcessFunction,
)
from sage_local.functions.co_shape import CoShape
from sage_local.functions.process_binding import bind_connected, bind_process


class Process(ProcessFunction):
    def process(self, value, ctx):
        yield value


class Keyed(KeyedProcessFunction):
    def process(self, value, ctx):
        yield value


class Two(CoMapFunction):
    def map1(self, value):
        return 1

    def map2(self, value):
        return 2


class Three(Two):
    def map3(self, value):
        return 3


def test_the_hooks_are_bound():
    assert list(bind_process(Process(), keyed=False)(1, None)) == [1]
    assert list(bind_process(Process(), keyed=True)(1, None)) == [1]
    assert list(bind_process(Keyed(), keyed=True)(1, None)) == [1]
    assert bind_process(lambda value, ctx: [value], keyed=True)(1, None) == [1]
    assert [hook(None) for hook in bind_connected(Three(), CoShape.MAP, 3)] == [1, 2, 3]


@pytest.mark.parametrize(
    ("function", "keyed", "message"),
    [
        (Keyed(), False, "KeyedProcessFunction Keyed on a stream without keys: apply it behind key_by()"),
        (Keyed, True, "takes an instance, found the class Keyed itself"),
        (ProcessFunction(), False, "does not override process()"),
        (lambda value: value, False, "calls its function with 2 arguments"),
        (MapFunction(), False, "takes a callable or a ProcessFunction"),
        (7, False, "takes a callable or a ProcessFunction, found 7"),
    ],
)
def test_a_function_that_does_not_fit_is_refused(function, keyed, message):
    with pytest.raises(FunctionError) as refused:
        bind_process(function, keyed=keyed)
    assert message in str(refused.value)


@pytest.mark.parametrize(
    ("function", "shape", "inputs", "message"),
    [
        (Two(), CoShape.MAP, 3, "the Two given to map() does not override map3()"),
        (Two(), CoShape.PROCESS, 2, "process() of connected streams takes an instance of CoProcessFunction, found"),
        (Two, CoShape.MAP, 2, "takes an instance, found the class Two itself"),
        (CoProcessFunction(), CoShape.PROCESS, 2, "does not override process1()"),
        (lambda a, b: a, CoShape.MAP, 2, "takes an instance of CoMapFunction, found"),
    ],
)
def test_a_function_of_connected_streams_that_does_not_fit_is_refused(function, shape, inputs, message):
    with pytest.raises(FunctionError) as refused:
        bind_connected(function, shape, inputs)
    assert message in str(refused.value)
