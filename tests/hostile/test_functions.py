"""Functions that do not fit, can not travel, or raise whatever there is to raise."""

import threading
from functools import partial

import pytest

from sage_local import (
    AggregateFunction,
    BaseFunction,
    KeySelector,
    LocalEnvironment,
    MapFunction,
    OperatorError,
    SerializationError,
    SinkFunction,
    SourceFunction,
)
from sage_local.errors import FunctionError, JobError, PlanError


def guarded_by_a_variable():
    lock = threading.Lock()
    return lambda value: (lock, value)


def guarded_by_a_default():
    lock = threading.Lock()
    return lambda value, lock=lock: value


class WithLock(BaseFunction):
    def __init__(self):
        self.inner = {"lock": threading.Lock()}

    def process(self, value):
        return value


class Plain:
    """No function class: one of its methods is the function."""

    def __init__(self):
        self.lock = threading.Lock()

    def handle(self, value):
        return value


@pytest.mark.parametrize(
    ("function", "member"),
    [
        (guarded_by_a_variable(), "function's variable 'lock' is a _thread.lock"),
        (WithLock(), r"function\.inner\['lock'\] is a _thread\.lock"),
        (guarded_by_a_default(), "function's default 0 is a _thread.lock"),
        (Plain().handle, r"function's object\.lock is a _thread\.lock"),
        ([threading.Lock()].append, r"function's object\[0\] is a _thread\.lock"),
        (partial(max, threading.Lock()), "function's argument 0 is a _thread.lock"),
        (partial(max, key=Plain().handle), r"function's argument 'key''s object\.lock is a _thread\.lock"),
    ],
    ids=["closure", "attribute", "default", "method", "built-in method", "partial", "partial by name"],
)
def test_what_can_not_travel_is_named_down_to_the_member(on_both, function, member):
    stream = on_both.from_collection([1]).map(function, name="call")
    with pytest.raises(SerializationError, match=rf"operator 'call' can not be sent to a worker: {member}.*open\(\)"):
        stream.collect()


def test_an_open_file_is_not_sent_as_what_it_held(on_both, tmp_path):
    """The pickler that we use would read it to its end, and the function find something else in the worker."""
    with (tmp_path / "file").open("w+") as file:
        stream = on_both.from_collection([1]).map(lambda value: file.name, name="call")
        with pytest.raises(SerializationError, match=r"'file' is a _io\.TextIOWrapper .*cannot pickle the open file"):
            stream.collect()


def test_an_environment_inside_a_function_is_refused(environment):
    env = environment()
    stream = env.from_collection([1])
    with pytest.raises(SerializationError, match=r"variable 'env' is a .*LocalEnvironment .*makes its own environment"):
        stream.map(lambda value: env.from_collection([value]).collect()).collect()
    with pytest.raises(SerializationError, match=r"variable 'stream' is a .*DataStream .*makes its own environment"):
        stream.map(lambda value: stream).collect()


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda s: s.map(lambda: 1), r"map\(\) calls its function with one argument, found .*<lambda>\(\): too many"),
        (lambda s: s.map(lambda a, b: a), r"map\(\) .* found .*<lambda>\(a, b\): missing a required argument: 'b'"),
        (lambda s: s.filter(lambda a, *, b: a), r"filter\(\) .*\(a, \*, b\): missing a required argument: 'b'"),
        (lambda s: s.flat_map(lambda: []), r"flat_map\(\) calls its function with one argument"),
        (lambda s: s.key_by(lambda a, b: a), r"key_by\(\) calls its function with one argument"),
        (lambda s: s.key_by(abs).reduce(lambda a: a), r"reduce\(\) calls its function with 2 arguments"),
        (lambda s: s.sink(lambda: None), r"sink\(\) calls its function with one argument"),
    ],
)
def test_a_function_of_wrong_arity_is_refused_where_it_is_given(environment, build, message):
    with pytest.raises(FunctionError, match=message):
        build(environment().from_collection([1]))


def test_a_generator_with_arguments_is_refused_where_it_is_given(environment):
    with pytest.raises(FunctionError, match=r"calls its function without arguments, found .*\(a\): missing .*'a'"):
        environment().from_generator(lambda a: [a])


def generates(value):
    yield value


async def waits(value):
    return value


class Generates(MapFunction):
    def map(self, value):
        yield value


class Callable:
    def __call__(self, value):
        return value


def test_a_class_of_callables_in_place_of_its_instance_is_told_how_that_is_written(environment):
    with pytest.raises(FunctionError, match=r"found Callable\(\): .*; an instance is written Callable\(\.\.\.\)"):
        environment().from_collection([1]).map(Callable)


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (generates, r"map\(\) takes a function that returns, found the generator function generates: flat_map\(\)"),
        (Generates(), r"map\(\) takes a function that returns, found the generator function Generates\.map"),
        (waits, r"map\(\) takes a plain function, found the asynchronous waits"),
        (5, r"map\(\) takes a callable or a MapFunction, found 5"),
        (None, r"map\(\) takes a callable or a MapFunction, found None"),
    ],
)
def test_what_map_can_not_call_is_refused_where_it_is_given(environment, function, message):
    with pytest.raises(FunctionError, match=message):
        environment().from_collection([1]).map(function)


@pytest.mark.parametrize(
    ("build", "operator"),
    [
        (lambda env, kind: env.from_collection([1]).map(kind), "map"),
        (lambda env, kind: env.from_collection([1]).sink(kind), "sink"),
        (lambda env, kind: env.from_collection([1]).key_by(kind), "key_by"),
        (lambda env, kind: env.from_collection([1]).key_by(abs).aggregate(kind), "aggregate"),
        (lambda env, kind: env.from_source(kind), "from_source"),
    ],
)
@pytest.mark.parametrize("base", [MapFunction, SinkFunction, KeySelector, AggregateFunction, SourceFunction])
def test_a_class_in_place_of_its_instance_is_refused(environment, build, operator, base):
    kind = type("Mine", (base,), {})
    message = rf"{operator}\(\) takes an instance, found the class Mine itself: write Mine\(\.\.\.\)"
    with pytest.raises(FunctionError, match=message):
        build(environment(), kind)


def test_none_is_a_record_like_any_other(on_both):
    nothing = on_both.from_collection([None, 1, None])
    doubled = nothing.map(lambda value: value).filter(lambda value: value is None).flat_map(lambda value: [value] * 2)
    assert doubled.collect() == [None] * 4
    assert sorted(nothing.key_by(lambda value: value).count().collect(), key=str) == [(1, 1), (None, 1), (None, 2)]


def test_a_flat_map_that_returns_none_fails_on_its_record(on_both):
    stream = on_both.from_collection([7]).flat_map(lambda value: None, name="nothing")
    message = r"'nothing' .* failed on record 7: TypeError: expected the function to return an iterable of records: 'N"
    with pytest.raises(OperatorError, match=message):
        stream.collect()


def test_a_function_of_records_that_returns_one_is_told_what_was_expected(on_both):
    message = "expected the function to yield its records or to return them in a list, found 0"
    with pytest.raises(OperatorError, match=message):
        on_both.from_collection([1]).process(lambda value, context: 0).collect()
    with pytest.raises(OperatorError, match=message):
        on_both.from_collection([1]).key_by(str).count_window(1).apply(lambda key, window, values: 0).collect()


class Unpicklable(Exception):
    def __init__(self, first, second):
        super().__init__(f"{first}-{second}")
        self.lock = threading.Lock()


class Mute(Exception):
    def __str__(self):
        raise ValueError


def raises(error):
    raise error


@pytest.mark.parametrize(
    ("function", "reason"),
    [
        (lambda value: raises(StopIteration("early")), "StopIteration: early"),
        (lambda value: raises(SystemExit(3)), "SystemExit: 3"),
        (lambda value: raises(ExceptionGroup("many", [ValueError()])), r"ExceptionGroup: many \(1 sub-exception\)"),
        (lambda value: raises(Unpicklable(1, 2)), r"Unpicklable: 1-2"),
        (lambda value: raises(Mute()), r"Mute: <str\(\) of the exception raised ValueError>"),
        (lambda value: raises(ValueError("\ud800")), r"ValueError: \\ud800|ValueError: \ud800"),
        (lambda value: bytearray(1 << 60), "MemoryError"),
    ],
    ids=["StopIteration", "SystemExit", "group", "unpicklable", "mute", "surrogate", "MemoryError"],
)
def test_whatever_a_function_raises_names_operator_and_record(environment, function, reason):
    stream = environment().from_collection([7]).map(function, name="raiser")
    with pytest.raises(OperatorError, match=rf"'raiser' \(subtask 1 of 2\) failed on record 7: .*({reason})"):
        stream.collect()


def test_a_keyboard_interrupt_of_a_function_is_its_own_failure_in_a_worker(environment):
    """Ctrl-C never reaches a worker, so nobody but user code can have raised it."""
    stream = environment().from_collection([7]).map(lambda value: raises(KeyboardInterrupt()), name="raiser")
    with pytest.raises(OperatorError, match=r"'raiser' .* failed on record 7: KeyboardInterrupt"):
        stream.collect()


@pytest.mark.parametrize(
    ("extend", "expected"),
    [
        (lambda stream: stream.map(lambda number: number + 1), [301]),
        (lambda stream: stream.filter(bool), [1]),
        (lambda stream: stream.flat_map(lambda number: [number]), [1]),
    ],
    ids=["map", "filter", "flat_map"],
)
def test_a_chain_may_have_hundreds_of_operators(on_both, extend, expected):
    """What they are compiled to must not nest deeper than Python's parser goes."""
    stream = on_both.from_collection([1])
    for _ in range(300):
        stream = extend(stream)
    assert stream.collect() == expected


@pytest.mark.parametrize("name", ["", " ", "two\nlines", "nul\0", "half \ud800", 5])
def test_an_operators_name_is_a_line_of_text(environment, name):
    with pytest.raises(PlanError, match="name: expected a line of text that is not empty, found"):
        environment().from_collection([1]).map(abs, name=name)


class Text(str):
    """Of this module, which the coordinator must never need."""


def test_names_of_a_class_of_the_users_own_are_plain_text(environment):
    env = LocalEnvironment(Text("hostile"), config={Text("parallelism"): 1})
    assert env.from_collection([1], name=Text("numbers")).map(abs).collect(name=Text("all")) == [1]


class Torn:
    """Can be taken apart, but not be put together again."""

    def __init__(self):
        self.value = 1

    def __setstate__(self, state):
        raise ValueError("no way back")

    def __call__(self, value):
        return value


def test_a_record_that_can_not_be_put_together_again_fails_the_job_where_it_arrives(environment):
    torn = environment().from_collection([1, 2]).map(lambda _: Torn(), parallelism=1)
    collected = environment(1).from_collection([1, 2]).map(lambda _: Torn())
    with pytest.raises(OperatorError, match=r"operator 'take' .* can not be unpickled: ValueError: no way back"):
        torn.map(lambda _: 1, name="take", parallelism=2).collect()
    with pytest.raises(SerializationError, match="from another process can not be unpickled: ValueError: no way back"):
        collected.collect()


def test_a_function_that_can_not_be_put_together_again_fails_the_job(environment):
    with pytest.raises(JobError, match="worker 0 could not load the job: ValueError: no way back"):
        environment(1).from_collection([1]).map(Torn()).collect()


class NoRepr:
    def __repr__(self):
        raise ValueError


def test_a_record_that_can_not_be_shown_does_not_hide_the_failure(on_both):
    stream = on_both.from_collection([1]).map(lambda value: NoRepr()).map(lambda value: 1 / 0, name="divide")
    with pytest.raises(OperatorError, match=r"'divide' .* failed on record <NoRepr .*>: ZeroDivisionError"):
        stream.collect()


def test_a_record_that_can_not_travel_fails_the_job_and_is_shown(environment):
    stream = environment().from_collection([1]).map(lambda value: threading.Lock())
    with pytest.raises(OperatorError, match=r"expected a record that can be pickled on its way .*, found lock"):
        stream.collect()
