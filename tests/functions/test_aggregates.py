import pickle
from functools import reduce

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sage_local.functions.aggregates import Count, Max, Mean, Min, Sum


def folded(function, records):
    return reduce(function.add, records, function.create_accumulator())


def result(function, records):
    return function.get_result(folded(function, records))


@pytest.mark.parametrize(
    ("function", "records", "expected"),
    [
        (Count(), ["a", "b", "a"], 3),
        (Sum(), [1, 2, 3], 6),
        (Sum(), ["a", "b"], "ab"),
        (Sum("x"), [{"x": 1}, {"x": 2}], 3),
        (Sum(1), [("a", 1), ("a", 5)], 6),
        (Sum(len), ["aa", "b"], 3),
        (Sum("real"), [1 + 2j, 3 + 1j], 4.0),
        (Min(), [3, 1, 2], 1),
        (Max(), [3, 1, 2], 3),
        (Min("x"), [{"x": 3}, {"x": 1}], 1),
        (Max(-1), [(3, 1), (1, 4)], 4),
        (Mean(), [1, 2, 6], 3.0),
        (Mean("x"), [{"x": 1}, {"x": 2}], 1.5),
    ],
)
def test_an_aggregate_of_records_or_of_what_a_selector_finds(function, records, expected):
    assert result(function, records) == expected


@pytest.mark.parametrize(("function", "first"), [(Min(), True), (Max(), True)])
def test_of_equal_values_the_earlier_one_stays(function, first):
    assert result(function, [first, 1, 1.0]) is first


@pytest.mark.parametrize("aggregate", [Count, Sum, Min, Max, Mean])
@given(left=st.lists(st.integers(), min_size=1), right=st.lists(st.integers(), min_size=1))
def test_merging_two_accumulators_is_folding_all_records(aggregate, left, right):
    function = aggregate()
    merged = function.merge(folded(function, left), folded(function, right))
    assert function.get_result(merged) == result(function, left + right)


@pytest.mark.parametrize("function", [Count(), Sum("x"), Min(1), Max(), Mean("x")])
def test_an_aggregate_and_its_empty_accumulator_travel(function):
    copy, empty = pickle.loads(pickle.dumps((function, function.create_accumulator())))
    assert type(copy) is type(function)
    assert empty == function.create_accumulator()
