from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sage_local.core.elements import Rows
from sage_local.functions.aggregates import Count, Max, Sum
from sage_local.functions.folds import AggregateFunction
from sage_local.functions.multi import Multi
from sage_local.plan import operators as specs
from tests.runtime.operators.window_driver import completed, opened, results

BATCHES = st.lists(
    st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 99), st.integers(-9, 9)), max_size=9), max_size=9
)


class Values(AggregateFunction[Any, tuple[Any, ...], tuple[Any, ...]]):
    def create_accumulator(self) -> tuple[Any, ...]:
        return ()

    def add(self, accumulator: tuple[Any, ...], event: Any) -> tuple[Any, ...]:
        return (*accumulator, event[2])

    def get_result(self, accumulator: tuple[Any, ...]) -> tuple[Any, ...]:
        return accumulator


class MergedValues(Values):
    def merge(self, first: tuple[Any, ...], second: tuple[Any, ...]) -> tuple[Any, ...]:
        return first + second


def count_window(size: int, slide: int, **fields: Any) -> specs.CountWindow:
    return specs.CountWindow(name="window", key_selector=lambda event: event[0], size=size, slide=slide, **fields)


def expected(batches: list[list[Any]], size: int, slide: int) -> list[tuple[Any, int]]:
    seen: dict[str, list[Any]] = {"a": [], "b": []}
    fired = []
    for key, time, value in (event for batch in batches for event in batch):
        seen[key].append(value)
        if len(seen[key]) % slide == 0:
            fired.append(((key, tuple(seen[key][-size:])), time))
    return fired


def found(operator: Any, batches: list[list[Any]]) -> list[tuple[Any, int]]:
    return [
        result
        for batch in batches
        for result in results(list(operator.process(Rows(list(batch), None, [time for _, time, _ in batch]))))
    ]


@pytest.mark.parametrize("aggregate", [Values(), MergedValues()])
@given(st.integers(1, 9), st.integers(1, 9), BATCHES)
def test_the_latest_records_after_every_so_many(aggregate: Any, a: int, b: int, batches: list[list[Any]]) -> None:
    size, slide = max(a, b), min(a, b)
    operator = opened(count_window(size, slide, aggregate=aggregate))
    assert found(operator, batches) == expected(batches, size, slide)


@given(st.integers(1, 9), st.integers(1, 9), BATCHES)
def test_built_in_aggregates(a: int, b: int, batches: list[list[Any]]) -> None:
    size, slide = max(a, b), min(a, b)
    operator = opened(count_window(size, slide, aggregate=Multi(n=Count(), total=Sum(2), top=Max(2))))
    assert found(operator, batches) == [
        ((key, {"n": len(values), "total": sum(values), "top": max(values)}), time)
        for (key, values), time in expected(batches, size, slide)
    ]


@given(st.integers(1, 9), st.integers(1, 9), BATCHES)
def test_functions_see_the_records(a: int, b: int, batches: list[list[Any]]) -> None:
    size, slide = max(a, b), min(a, b)
    spec = count_window(size, slide, function=lambda key, window, events: [(key, tuple(each[2] for each in events))])
    assert found(opened(spec), batches) == expected(batches, size, slide)


@given(st.integers(1, 9), st.integers(1, 9), BATCHES, st.integers(0, 9))
def test_a_snapshot_in_between_changes_nothing(a: int, b: int, batches: list[list[Any]], cut: int) -> None:
    size, slide = max(a, b), min(a, b)
    spec = count_window(size, slide, aggregate=MergedValues())
    first = opened(spec)
    before = found(first, batches[:cut])
    at_the_cut = first.capture(changes_only=False)
    # What comes behind the barrier is not in a snapshot that is made beside it.
    found(first, batches[cut:])
    after = found(opened(spec, snapshot=completed(at_the_cut)), batches[cut:])
    assert before + after == expected(batches, size, slide)


def test_records_without_timestamps_give_results_without() -> None:
    operator = opened(count_window(2, 2, aggregate=Count()))
    assert list(operator.process(Rows([("a", 0, 0)] * 3))) == [Rows([("a", 2)])]
