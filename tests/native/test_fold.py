"""The native loops of windows and of reduce do what a loop over dicts does."""

from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sage_local.runtime.native import Accumulator, fold, merge, reduce, results

SUM, MIN, MAX, COUNT = range(4)
WHOLE = (0, None)
STEPS = [(SUM, 1, 1), (COUNT, *WHOLE), (MIN, 1, 1), (MAX, 1, 1)]
RECORDS = st.lists(st.tuples(st.sampled_from(["a", "b", 1, 1.0, None]), st.one_of(st.integers(), st.floats(-9, 9))))
WHOLE_NUMBERS = st.lists(st.tuples(st.sampled_from("abc"), st.integers()))  # sums of floats depend on their order


class Reading(NamedTuple):
    key: str
    value: int


@given(RECORDS)
def test_accumulators_are_those_of_a_plain_loop(records: list[tuple[Any, Any]]) -> None:
    expected: dict[Any, tuple[Any, ...]] = {}
    for key, value in records:
        if key not in expected:
            expected[key] = value, 1, value, value
        else:
            total, number, least, most = expected[key]
            expected[key] = total + value, number + 1, min(least, value), max(most, value)
    selected: dict[Any, Accumulator] = {}
    fold(selected, None, iter(records), (1, 0), STEPS)
    given_keys: dict[Any, Accumulator] = {}
    fold(given_keys, [key for key, _ in records], iter(records), WHOLE, STEPS)
    assert list(selected.items()) == list(given_keys.items())
    assert repr([(key, tuple(each)) for key, each in selected.items()]) == repr(list(expected.items()))


@pytest.mark.parametrize("step", STEPS)
def test_an_accumulator_of_one_step_is_its_value(step: tuple[int, int, Any]) -> None:
    space: dict[str, Any] = {}
    fold(space, None, iter([("a", 3), ("a", 5), ("b", 1)]), (1, 0), (step,))
    assert space == {"a": {SUM: 8, COUNT: 2, MIN: 3, MAX: 5}[step[0]], "b": 1}


def test_fields_are_items_of_dicts_and_attributes_of_others() -> None:
    space: dict[str, Any] = {}
    records = [{"key": "a", "value": 1}, Reading("a", 2)]
    fold(space, None, iter(records), (2, "key"), ((SUM, 2, "value"),))
    assert space == {"a": 3}


@pytest.mark.parametrize("before", [1, 2.5, 2**80, True])
@pytest.mark.parametrize("bad", [("a",), ("a", "x"), ("a", None)])
def test_a_record_that_one_step_fails_on_counts_for_none(before: Any, bad: Any) -> None:
    space: dict[str, Accumulator] = {}
    steps = [(COUNT, *WHOLE), (MAX, 0, None), (SUM, 1, 1)]
    fold(space, None, iter([("a", before)]), (1, 0), steps)
    held = repr(space)
    with pytest.raises((IndexError, TypeError)):
        fold(space, None, iter([bad]), (1, 0), steps)
    assert repr(space) == held
    fold(space, None, iter([("a", 3)]), (1, 0), steps)
    assert tuple(space["a"]) == (2, max(("a", before), ("a", 3)), before + 3)


@pytest.mark.parametrize("bad", [("a",), ("a", "x"), 7, ([], 1)])
def test_an_error_leaves_the_iterator_behind_the_record_at_fault(bad: Any) -> None:
    records = iter([("a", 1), bad, ("a", 2)])
    space: dict[str, Any] = {}
    with pytest.raises((IndexError, TypeError)):
        fold(space, None, records, (1, 0), ((SUM, 1, 1),))
    assert (records.__length_hint__(), space) == (1, {"a": 1})


@pytest.mark.parametrize(
    "arguments",
    [
        ({}, [], iter([]), WHOLE, []),
        ({}, [], iter([]), WHOLE, [(0, 0, None)] * 17),
        ({}, [], iter([]), WHOLE, ((0, 0, None), (0, 0, None))),
        ({}, [], [], WHOLE, ((0, 0, None),)),
        ([], [], iter([]), WHOLE, ((0, 0, None),)),
        ({}, (), iter([]), WHOLE, ((0, 0, None),)),
        ({}, [], iter([("a", 1)]), WHOLE, ((0, 0, None),)),
        ({}, [], iter([]), WHOLE, [None]),
        ({}, [], iter([]), ("x", 1), ((0, 0, None),)),
    ],
)
def test_wrong_arguments_are_refused(arguments: Any) -> None:
    with pytest.raises((TypeError, ValueError, IndexError)):
        fold(*arguments)


class Meddling:
    """A number that empties what it is found in while it is being added."""

    def __init__(self, space: dict[str, Any], keys: list[Any]) -> None:
        self.space = space
        self.keys = keys

    def __radd__(self, other: Any) -> int:
        self.space.clear()
        self.keys.clear()
        return 0


def test_user_code_that_changes_everything_meanwhile_is_survived() -> None:
    space: dict[str, Any] = {}
    keys = ["a"] * 3
    records = [1, Meddling(space, keys), 1]
    with pytest.raises(ValueError, match="fewer keys"):
        fold(space, keys, iter(records), WHOLE, ((SUM, *WHOLE),))
    listed = {"a": Accumulator([1, 1])}
    keys = ["a"]
    steps = [(SUM, *WHOLE), (SUM, *WHOLE)]
    fold(listed, keys, iter([Meddling(listed, keys)]), WHOLE, steps)
    assert listed == {}


@given(RECORDS)
def test_reduce_keeps_and_gives_every_update(records: list[tuple[Any, Any]]) -> None:
    def join(first: Any, second: Any) -> Any:
        return (first[0], first[1] + second[1])

    state: dict[Any, Any] = {}
    updates: list[Any] = []
    reduce(state, [key for key, _ in records], iter(records), join, updates, False)
    expected: dict[Any, Any] = {}
    given_updates = []
    for record in records:
        key = record[0]
        expected[key] = join(expected[key], record) if key in expected else record
        given_updates.append(expected[key])
    assert (state, updates) == (expected, given_updates)


@pytest.mark.parametrize("made", [lambda x: [x], lambda x: {x: x}, lambda x: {x}])
def test_updates_are_copies_of_what_may_be_changed_in_place(made: Callable[[int], Any]) -> None:
    def join(first: Any, second: Any) -> Any:
        first.update(second) if hasattr(first, "update") else first.extend(second)
        return first

    updates: list[Any] = []
    state: dict[str, Any] = {}
    reduce(state, ["a"] * 3, iter([made(1), made(2), made(3)]), join, updates, True)
    assert [len(update) for update in updates] == [1, 2, 3]
    assert len(state["a"]) == 3
    assert all(type(update) is type(made(1)) and update is not state["a"] for update in updates)


def test_a_reduce_function_that_raises_leaves_the_iterator_behind_the_record() -> None:
    records = iter([1, 2, "x", 3])
    state: dict[str, Any] = {}
    with pytest.raises(TypeError, match="unsupported operand"):
        reduce(state, ["a"] * 4, records, lambda a, b: a + b, None, True)
    assert (state, records.__length_hint__()) == ({"a": 3}, 1)


@given(WHOLE_NUMBERS, WHOLE_NUMBERS, st.booleans())
def test_merging_panes_gives_what_folding_all_of_their_records_gives(
    earlier: list[tuple[Any, int]], later: list[tuple[Any, int]], before: bool
) -> None:
    first: dict[Any, Any] = {}
    second: dict[Any, Any] = {}
    fold(first, None, iter(earlier), (1, 0), STEPS)
    fold(second, None, iter(later), (1, 0), STEPS)
    whole: dict[Any, Any] = {}
    fold(whole, None, iter([*earlier, *later]), (1, 0), STEPS)
    target, source = (second, first) if before else (first, second)
    merge(target, source, before, STEPS)
    assert target == whole


@pytest.mark.parametrize("step", STEPS)
def test_single_values_merge_too(step: tuple[int, int, Any]) -> None:
    target: dict[str, Any] = {"a": 3}
    merge(target, {"a": 5, "b": 1}, False, (step,))
    assert target == {"a": {SUM: 8, COUNT: 8, MIN: 3, MAX: 5}[step[0]], "b": 1}


def test_of_values_that_are_equal_the_earlier_is_kept() -> None:
    for step in STEPS[2:]:
        target: dict[str, Any] = {"a": 1}
        merge(target, {"a": 1.0}, False, (step,))
        assert type(target["a"]) is int
        merge(target, {"a": 1.0}, True, (step,))
        assert type(target["a"]) is float


def test_an_accumulator_that_somebody_else_has_is_not_changed() -> None:
    pane = {"a": Accumulator([1, 1, 1, 1])}
    target: dict[str, Any] = {}
    merge(target, pane, False, STEPS)
    merge(target, pane, False, STEPS)
    own = target["a"]
    assert (list(pane["a"]), list(own)) == ([1, 1, 1, 1], [2, 2, 1, 1])
    merge(target, pane, True, STEPS)
    assert list(own) == [2, 2, 1, 1]
    assert list(target["a"]) == [3, 3, 1, 1]


ONE, TWO, TEXT = Accumulator([1]), Accumulator([1, 2]), Accumulator([1, ""])


@pytest.mark.parametrize(("old", "new"), [(ONE, TWO), (TWO, ONE), (1, TWO), (TWO, [1, 2]), (TWO, TEXT), (TEXT, TWO)])
def test_accumulators_that_do_not_fit_together_are_refused(old: Any, new: Any) -> None:
    with pytest.raises(TypeError):
        merge({"a": old}, {"a": new}, False, [(SUM, 0, None), (COUNT, 0, None)])
    with pytest.raises(TypeError):
        merge({"a": old}, {"a": new}, True, [(SUM, 0, None), (COUNT, 0, None)])


def test_results_are_the_values_by_name() -> None:
    keys, accumulators = ("a", None), (Accumulator([1, 2.5]), TEXT)
    named = [{"n": 1, "m": 2.5}, {"n": 1, "m": ""}]
    assert results(keys, accumulators, ("n", "m"), False) == named
    assert results(keys, accumulators, ("n", "m"), True) == list(zip(keys, named, strict=True))
    assert results((), (), ("n", "m"), True) == []
    assert list(accumulators[0]) == [1, 2.5]


@pytest.mark.parametrize(
    "given_",
    [((1,), (), ("n",)), ((1,), (TWO,), ("n",)), ((1,), (1,), ("n",)), ([1], [ONE], ("n",)), ((1,), (ONE,), (1,))],
)
@pytest.mark.parametrize("with_key", [True, False])
def test_results_of_what_does_not_fit_together_are_refused(given_: Any, with_key: bool) -> None:
    with pytest.raises(TypeError):
        results(*given_, with_key)
