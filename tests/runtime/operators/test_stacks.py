"""Stacks of numbers give what stacks of accumulators give, whatever the values are."""

from collections.abc import Callable, Iterator, Mapping
from operator import itemgetter
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sage_local.functions.aggregates import Count, Max, Min, Sum
from sage_local.functions.multi import Multi
from sage_local.runtime.operators.windows.fold import Fold
from sage_local.runtime.operators.windows.stacks import NumberStacks, Stacks
from sage_local.runtime.state.folding import PaneStacks

Panes = dict[int, dict[Any, Any]]
NUMBERS = st.sampled_from([0.0, -0.0, 1.5, float("inf"), float("nan"), 2**53, -(2**53)]) | st.integers(-9, 9)
WHOLES = st.integers(-9, 9) | st.sampled_from([2**63 - 1, -(2**63), 2**63, 10**30, True])


def records(values: Any) -> Any:
    return st.lists(st.tuples(st.integers(0, 30), st.sampled_from("abcde"), values))


def folding() -> Fold:
    return Fold(None, Multi(sum=Sum(1), least=Min(1), most=Max(1), n=Count()), None)


def panes_of(fold: Fold, records: list[tuple[int, str, Any]]) -> Panes:
    panes: Panes = {}
    for pane, key, value in records:
        fold.add_to_one(panes.setdefault(pane, {}), [key], iter([(key, value)]))
    return panes


def number_stacks(fold: Fold, panes: Panes, per_window: int, per_slide: int) -> NumberStacks:
    numbers = fold.pane_stacks(per_slide, with_key=True)
    assert numbers is not None
    return NumberStacks(fold, panes.get, per_window, per_slide, numbers)


def results_of(fold: Fold, stacks: Stacks, start: int) -> list[Any]:
    contents = stacks.window(start)
    if isinstance(contents, Mapping):
        return fold.results(with_key=True)(tuple(contents), tuple(contents.values()))
    return [result for some in contents for result in some]


def by_key(results: list[Any]) -> str:
    return repr(sorted(results, key=itemgetter(0)))


SHAPES = (st.integers(2, 9), st.integers(1, 9), st.integers(1, 3))


def both(
    before: list[Any], after: list[Any], per_window: int, per_slide: int, skipped: int
) -> Iterator[list[list[Any]]]:
    """Windows of both kinds of stacks; on the way panes change that were in them."""
    fold = folding()
    panes = panes_of(fold, before)
    kinds = [number_stacks(fold, panes, per_window, per_slide), Stacks(fold, panes.get, per_window, per_slide)]
    for start in range(-per_slide * 3, 40, per_slide * skipped):
        if start >= 12 and after:
            panes.update(panes_of(fold, after))
            after = []
            for each in kinds:
                each.forget()
        yield [results_of(fold, each, start) for each in kinds]


@given(st.tuples(records(NUMBERS), records(NUMBERS), *SHAPES))
def test_windows_are_those_of_stacks_of_accumulators(drawn: Any) -> None:
    """The same to the last bit; in which order keys come is nobody's promise."""
    for found, expected in both(*drawn):
        assert by_key(found) == by_key(expected)


@given(st.tuples(records(WHOLES), records(WHOLES), *SHAPES))
def test_values_that_are_no_numbers_of_one_word_are_taken_too(drawn: Any) -> None:
    """From the first of them on by accumulators."""
    for found, expected in both(*drawn):
        assert by_key(found) == by_key(expected)


@pytest.mark.parametrize("values", [[1, 2], [1, 0.5], [2**62, 2**62], [-0.0, 0.0]])
def test_numbers_give_results_without_accumulators_between(values: list[Any]) -> None:
    fold = folding()
    stacks = number_stacks(fold, panes_of(fold, [(pane, "a", value) for pane, value in enumerate(values)]), 2, 1)
    assert list(stacks.window(-1)) == [[("a", {"sum": values[0], "least": values[0], "most": values[0], "n": 1})]]
    (((_, result),),) = list(stacks.window(0))
    assert repr(result["sum"]) == repr(values[0] + values[1])


def stacks_of_two_panes() -> tuple[PaneStacks, dict[Any, Any]]:
    fold = folding()
    numbers = fold.pane_stacks(2, with_key=False)
    assert numbers is not None
    return numbers, panes_of(fold, [(0, "a", 1)])[0]


@pytest.mark.parametrize("window", [(1, 0, 9), (4, 0, 9), (-2, 0, 9), (0, -1, 9), (0, 0, 0)])
def test_windows_that_are_not_there_are_refused(window: tuple[int, int, int]) -> None:
    numbers, pane = stacks_of_two_panes()
    assert [numbers.add(each) for each in ({}, pane, {}, {})] == [True] * 4
    assert numbers.turn(4) == 1
    with pytest.raises(ValueError, match="no such window"):
        numbers.results(*window)


def test_a_window_is_given_once() -> None:
    numbers, pane = stacks_of_two_panes()
    assert numbers.add(pane)
    assert numbers.add({})
    assert numbers.turn(2) == 1
    assert numbers.results(0, 0, 9) == (1, [{"sum": 1, "least": 1, "most": 1, "n": 1}])
    with pytest.raises(ValueError, match="no such window"):
        numbers.results(0, 0, 9)


def test_keys_that_are_gone_leave_their_places() -> None:
    """Each key is in one pane alone: what is held is a multiple of a window, not of the stream."""
    fold = folding()
    numbers = fold.pane_stacks(1, with_key=True)
    assert numbers is not None
    panes = panes_of(fold, [(pane, f"{pane}", pane) for pane in range(100)])
    stacks = NumberStacks(fold, panes.get, 4, 1, numbers)
    for start in range(96):
        results = results_of(fold, stacks, start)
        assert sorted(key for key, _ in results) == sorted(f"{pane}" for pane in range(start, start + 4))
        assert len(numbers) <= 12


def test_keys_that_are_equal_at_times_do_no_harm() -> None:
    """The place of one must not be lost while another one is put down."""
    numbers, pane = stacks_of_two_panes()
    answers = Random(7)
    moods = [False]

    class Moody:
        def __hash__(self) -> int:
            return 1

        def __eq__(self, other: object) -> bool:
            return moods[-1] and answers.random() < 0.1

    panes = [dict.fromkeys((Moody() for _ in range(40)), pane["a"]) for _ in range(4)]
    moods.append(True)
    for each in panes * 2:
        assert numbers.add(each)
    assert numbers.turn(8) <= len(numbers)  # type: ignore[operator]  # None would fail just as well


def test_wrong_arguments_are_refused() -> None:
    numbers, pane = stacks_of_two_panes()
    assert numbers.add(pane)
    for wrong in (0, -1, 2):
        with pytest.raises(ValueError, match="1 panes behind the front"):
            numbers.turn(wrong)
    assert numbers.turn(1) == 1
    with pytest.raises(ValueError, match="0 panes behind the front"):
        numbers.turn(1)
    with pytest.raises(TypeError):
        numbers.turn(None)  # type: ignore[arg-type]  # that it is refused is what is tested
    with pytest.raises(TypeError, match="expected add"):
        numbers.add([])  # type: ignore[arg-type]  # as above
    with pytest.raises(TypeError, match="accumulator of 4 values"):
        numbers.add({"a": 1})
    for names, per_slide in (("ab", 1), (("a",), 1), (("a", 1), 1), (("a", "b"), 0)):
        with pytest.raises(ValueError, match="name of each step"):
            PaneStacks([(0, 0, None), (3, 0, None)], names, per_slide, True)  # type: ignore[arg-type]  # as above


def test_keys_that_reach_for_the_stacks_while_they_are_compared_are_refused() -> None:
    """Rows do not move while a key is looked up in them."""
    numbers, pane = stacks_of_two_panes()
    calls: list[Callable[[], object]] = [
        lambda: numbers.forget(),
        lambda: numbers.add({}),
        lambda: numbers.turn(1),
        lambda: numbers.results(0, 0, 1),
    ]

    class Curious:
        """Equal to nothing, after having tried everything."""

        def __hash__(self) -> int:
            return 1

        def __eq__(self, other: object) -> bool:
            for call in calls:
                with pytest.raises(RuntimeError, match="in use"):
                    call()
            return False

    for _ in range(2):
        assert numbers.add({Curious(): pane["a"]})
    assert numbers.turn(2) == 2
    assert len(numbers) == 2
    assert numbers.results(0, 0, 9)[1] == [{"sum": 1, "least": 1, "most": 1, "n": 1}] * 2
