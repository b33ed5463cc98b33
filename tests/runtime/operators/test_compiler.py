"""Compiled chains: what they compute, and whom they name when user code raises."""

import operator

import pytest

from sage_local.runtime.operators.compiler import Kind, Stage, Stamps
from sage_local.runtime.operators.explosion import Explosion
from sage_local.runtime.protocol.blame import NO_RECORD

ALL_MAPS_AND_FILTERS = [
    [Kind.MAP],
    [Kind.FILTER],
    [Kind.MAP, Kind.MAP, Kind.MAP],
    [Kind.FILTER, Kind.MAP],
    [Kind.MAP, Kind.FILTER],
    [Kind.MAP, Kind.MAP, Kind.FILTER, Kind.MAP, Kind.MAP],
    [Kind.SINK],
    [Kind.MAP, Kind.FILTER, Kind.MAP, Kind.SINK],
]
ALL_FLAT_MAPS = [[Kind.FLAT_MAP], [Kind.MAP, Kind.FLAT_MAP], [Kind.MAP, Kind.MAP, Kind.FLAT_MAP]]


def harmless(kind):
    return {Kind.MAP: lambda x: x + 1000, Kind.SINK: str, Kind.FILTER: bool, Kind.FLAT_MAP: lambda x: [x, -x]}[kind]


def plainly(kinds, functions, values):
    for kind, function in zip(kinds, functions, strict=True):
        if kind in (Kind.MAP, Kind.SINK):
            values = [function(value) for value in values]
        elif kind is Kind.FILTER:
            values = [value for value in values if function(value)]
        else:
            values = [result for value in values for result in function(value)]
    return values


def run(stage, kinds, values, stamps=None):
    made = stage.run(iter(values), stamps)
    return [element for piece in Explosion().pieces(made) for element in piece] if kinds[-1] is Kind.FLAT_MAP else made


def fault_of(stage, kinds, values):
    iterator = iter(values)
    made = None
    try:
        made = stage.run(iterator, None)
        if kinds[-1] is Kind.FLAT_MAP:
            for _ in Explosion().pieces(made):
                pass
    except BaseException as error:
        return stage.fault(values, iterator, made, error)
    pytest.fail("nothing was raised")


@pytest.mark.parametrize("kinds", ALL_MAPS_AND_FILTERS + ALL_FLAT_MAPS)
def test_a_compiled_chain_computes_what_its_functions_say(kinds):
    functions = [harmless(kind) for kind in kinds]
    values = list(range(-5, 6))
    assert run(Stage("chain", kinds, functions), kinds, values) == plainly(kinds, functions, values)


@pytest.mark.parametrize("kinds", ALL_MAPS_AND_FILTERS)
def test_a_timestamp_stays_with_its_record(kinds):
    functions = [harmless(kind) for kind in kinds]
    made = Stage("chain", kinds, functions, Stamps.KEPT).run(iter([1, -1000, 3]), [10, 20, 30])
    kept = [
        stamp for value, stamp in zip([1, -1000, 3], [10, 20, 30], strict=True) if plainly(kinds, functions, [value])
    ]
    assert made == list(zip(plainly(kinds, functions, [1, -1000, 3]), kept, strict=True))


@pytest.mark.parametrize(
    ("kinds", "at"), [(kinds, at) for kinds in ALL_MAPS_AND_FILTERS + ALL_FLAT_MAPS for at in range(len(kinds))]
)
def test_an_error_is_found_at_its_operator_and_record(kinds, at):
    """The record is what that operator was given, not what entered the chain."""
    culprit = plainly(kinds[:at], [harmless(kind) for kind in kinds[:at]], [4])[0]

    def broken(value):
        if value == culprit:
            raise ValueError(value)
        return harmless(kinds[at])(value)

    functions = [broken if index == at else harmless(kind) for index, kind in enumerate(kinds)]
    fault = fault_of(Stage("chain", kinds, functions), kinds, [1, 2, 3, 4, 5])
    assert (fault.index, fault.record) == (at, culprit)


@pytest.mark.parametrize(
    ("kinds", "functions", "values", "index", "record"),
    [
        ([Kind.MAP], [int], ["1", "x", "2"], 0, "x"),
        ([Kind.MAP, Kind.MAP], [str.strip, int], [" 1", " x "], 1, "x"),
        ([Kind.MAP, Kind.FILTER, Kind.MAP], [len, bool, operator.methodcaller("upper")], ["", "ab"], 2, 2),
        ([Kind.FILTER], [str.isdigit], ["1", 2], 0, 2),
        ([Kind.MAP, Kind.FLAT_MAP], [operator.itemgetter(0), str.split], [["a b"], [7]], 1, 7),
        ([Kind.MAP, Kind.FLAT_MAP], [operator.itemgetter(0), str.split], [["a b"], []], 0, []),
    ],
)
def test_an_error_of_a_builtin_is_found_though_it_has_no_frame(kinds, functions, values, index, record):
    fault = fault_of(Stage("chain", kinds, functions), kinds, values)
    assert (fault.index, fault.record) == (index, record)


def test_an_error_in_the_middle_of_a_generator_is_its_flat_map_s():
    def broken(value):
        yield value
        raise ValueError

    kinds = [Kind.MAP, Kind.FLAT_MAP]
    fault = fault_of(Stage("chain", kinds, [str, broken]), kinds, [1, 2])
    assert (fault.index, fault.record) == (1, "1")


def test_a_flat_map_that_returns_nothing_iterable_is_named():
    kinds = [Kind.FLAT_MAP]
    fault = fault_of(Stage("chain", kinds, [lambda value: None if value == 2 else [value]]), kinds, [1, 2, 3])
    assert (fault.index, fault.record) == (0, 2)


def test_a_truth_value_that_raises_is_the_filter_s():
    class Undecided:
        def __bool__(self):
            raise ValueError("neither")

    kinds = [Kind.MAP, Kind.FILTER]
    fault = fault_of(Stage("chain", kinds, [str, lambda value: Undecided()]), kinds, [1])
    assert (fault.index, fault.record) == (1, "1")


@pytest.mark.parametrize("kinds", [[Kind.MAP], [Kind.FILTER], [Kind.FLAT_MAP], [Kind.MAP, Kind.FLAT_MAP]])
def test_a_stop_iteration_of_user_code_does_not_end_the_batch(kinds):
    def stops(value):
        raise StopIteration

    functions = [stops if index == len(kinds) - 1 else harmless(kind) for index, kind in enumerate(kinds)]
    assert fault_of(Stage("chain", kinds, functions), kinds, [1, 2, 3]).index == len(kinds) - 1


def test_what_stops_the_loop_before_an_operator_was_given_anything_names_no_record():
    class Interrupted:
        def __iter__(self):
            return self

        def __next__(self):
            raise KeyboardInterrupt

        def __length_hint__(self):
            return 2

    stage, records = Stage("s", [Kind.MAP, Kind.MAP], [abs, abs]), Interrupted()
    with pytest.raises(KeyboardInterrupt) as stopped:
        stage.run(records, None)
    assert stage.fault([1, 2], records, None, stopped.value).record is NO_RECORD


def test_a_flat_map_in_front_of_another_operator_is_a_stage_of_its_own():
    with pytest.raises(ValueError, match="maps and a flat_map, found"):
        Stage("chain", [Kind.FLAT_MAP, Kind.MAP], [list, str])
