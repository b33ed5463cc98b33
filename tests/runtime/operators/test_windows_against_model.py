"""Every window operator against the model: any order of records and watermarks, any cut into batches."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from sage_local.functions.aggregates import Count, Max, Mean, Min, Sum
from sage_local.functions.folds import AggregateFunction
from sage_local.functions.multi import Multi
from sage_local.windowing.assigners import EventTimeSessionWindows, SlidingEventTimeWindows, TumblingEventTimeWindows
from sage_local.windowing.triggers import ContinuousEventTimeTrigger, CountTrigger, EventTimeTrigger, PurgingTrigger
from tests.runtime.operators.window_driver import late, opened, outputs, run, window
from tests.runtime.operators.window_model import BEGINNING, END, Fired, Firing, Model, Step, last, sliding

KEYS = st.sampled_from(["a", "b", 3])
TIMES = st.one_of(st.integers(-30, 90), st.sampled_from([-(2**63) + 1, 2**63 - 2, -(10**15), 10**15]))
EVENTS = st.tuples(KEYS, TIMES, st.integers(-9, 9))
STEPS = st.lists(st.one_of(st.lists(EVENTS, max_size=8), st.integers(-40, 120)), max_size=14)
SIZES = st.tuples(st.integers(1, 20), st.integers(1, 20)).map(lambda pair: (max(pair), min(pair)))


class Spread(AggregateFunction[Any, list[Any], tuple[Any, ...]]):
    """A user's aggregate with an accumulator that is changed in place, also by merging."""

    def create_accumulator(self) -> list[Any]:
        return []

    def add(self, accumulator: list[Any], event: Any) -> list[Any]:
        accumulator.append(event[2])
        return accumulator

    def get_result(self, accumulator: list[Any]) -> tuple[Any, ...]:
        return tuple(sorted(accumulator))

    def merge(self, first: list[Any], second: list[Any]) -> list[Any]:
        first.extend(second)
        second.clear()
        return first


class Unmergeable(Spread):
    merge = AggregateFunction.merge


AGGREGATES: dict[str, tuple[Any, Any]] = {
    "count": (Count(), len),
    "sum": (Sum(2), sum),
    "min": (Min(lambda event: event[2]), min),
    "max": (Max(2), max),
    "mean": (Mean(2), lambda values: sum(values) / len(values)),
    "several": (
        Multi(total=Sum(2), n=Count(), top=Max(2), mean=Mean(lambda event: event[2] + 1), spread=Spread()),
        lambda values: {
            "total": sum(values),
            "n": len(values),
            "top": max(values),
            "mean": (sum(values) + len(values)) / len(values),
            "spread": tuple(sorted(values)),
        },
    ),
    "merging": (Spread(), lambda values: tuple(sorted(values))),
    "not merging": (Unmergeable(), lambda values: tuple(sorted(values))),
}


def monotone(steps: list[Step]) -> list[Step]:
    """Watermarks that never go back."""
    latest: int = BEGINNING
    kept: list[Step] = []
    for step in steps:
        if isinstance(step, int):
            step = latest = max(latest, step)
        kept.append(step)
    return kept


def same(found: list[list[Any]], wanted: list[list[Any]]) -> None:
    """Within a step the order of keys is free."""
    assert [sorted(each, key=repr) for each in found] == [sorted(each, key=repr) for each in wanted]


def wanted(fired: list[list[Fired]], result: Any) -> list[list[Any]]:
    return [[((key, result(values)), last(span)) for key, span, values in of_step] for of_step in fired]


@given(st.sampled_from(sorted(AGGREGATES)), SIZES, st.integers(-5, 5), STEPS)
def test_sliding_and_tumbling_windows(name: str, sizes: tuple[int, int], offset: int, steps: list[Step]) -> None:
    aggregate, result = AGGREGATES[name]
    size, slide = sizes
    steps = monotone(steps)
    model = Model(sliding(size, slide, offset))
    fired = model.run(steps)
    operator = opened(window(SlidingEventTimeWindows.of(size, slide, offset), aggregate=aggregate))
    same(run(operator, steps), wanted(fired, result))
    assert operator.late_dropped == len(model.late)


@given(st.sampled_from(sorted(AGGREGATES)), st.integers(1, 20), st.integers(-5, 5), STEPS)
def test_tumbling_windows(name: str, size: int, offset: int, steps: list[Step]) -> None:
    aggregate, result = AGGREGATES[name]
    steps = monotone(steps)
    model = Model(sliding(size, size, offset))
    fired = model.run(steps)
    operator = opened(window(TumblingEventTimeWindows.of(size, offset), aggregate=aggregate))
    same(run(operator, steps), wanted(fired, result))
    assert operator.late_dropped == len(model.late)


@given(st.sampled_from(sorted(AGGREGATES.keys() - {"not merging"})), st.integers(1, 12), STEPS)
def test_sessions(name: str, gap: int, steps: list[Step]) -> None:
    aggregate, result = AGGREGATES[name]
    steps = monotone(steps)
    model = Model(None, gap=gap)
    fired = model.run(steps)
    operator = opened(window(EventTimeSessionWindows.with_gap(gap), aggregate=aggregate))
    same(run(operator, steps), wanted(fired, result))
    assert operator.late_dropped == len(model.late)


FIRINGS = st.builds(Firing, st.sampled_from(["end", "count", "every"]), st.integers(1, 7), st.booleans())


def trigger(firing: Firing) -> Any:
    inner = {
        "end": EventTimeTrigger(),
        "count": CountTrigger.of(firing.number),
        "every": ContinuousEventTimeTrigger.of(firing.number),
    }[firing.kind]
    return PurgingTrigger.of(inner) if firing.purges else inner


@settings(max_examples=200)
@given(SIZES, st.integers(0, 15), FIRINGS, STEPS)
def test_triggers_and_lateness(sizes: tuple[int, int], lateness: int, firing: Firing, steps: list[Step]) -> None:
    size, slide = sizes
    steps = monotone(steps)
    model = Model(sliding(size, slide), lateness=lateness, firing=firing)
    fired = model.run(steps)
    spec = window(
        SlidingEventTimeWindows.of(size, slide), aggregate=Spread(), trigger=trigger(firing), lateness_ms=lateness
    )
    operator = opened(spec)
    same(run(operator, steps), wanted(fired, lambda values: tuple(sorted(values))))
    assert operator.late_dropped == len(model.late)


@settings(max_examples=200)
@given(st.integers(1, 12), st.integers(0, 15), FIRINGS, STEPS)
def test_triggers_and_lateness_of_sessions(gap: int, lateness: int, firing: Firing, steps: list[Step]) -> None:
    steps = monotone(steps)
    model = Model(None, gap=gap, lateness=lateness, firing=firing)
    fired = model.run(steps)
    spec = window(
        EventTimeSessionWindows.with_gap(gap), aggregate=Spread(), trigger=trigger(firing), lateness_ms=lateness
    )
    operator = opened(spec)
    same(run(operator, steps), wanted(fired, lambda values: tuple(sorted(values))))
    assert operator.late_dropped == len(model.late)


@given(SIZES, STEPS)
def test_functions_see_the_records_of_a_window(sizes: tuple[int, int], steps: list[Step]) -> None:
    size, slide = sizes
    steps = monotone(steps)
    fired = Model(sliding(size, slide)).run(steps)
    spec = window(
        SlidingEventTimeWindows.of(size, slide),
        function=lambda key, span, events: [(key, tuple(span), sorted(value for _, _, value in events))],
    )
    found = [[value for value, _ in of_step] for of_step in run(opened(spec), steps)]
    same(found, [[(key, span, sorted(values)) for key, span, values in of_step] for of_step in fired])


@given(st.integers(1, 20), STEPS)
def test_a_reduce_folds_in_order_of_arrival(size: int, steps: list[Step]) -> None:
    """Tumbling windows only: with panes the order between them is that of time."""
    steps = monotone(steps)
    fired = Model(sliding(size, size)).run(steps)
    spec = window(
        TumblingEventTimeWindows.of(size),
        reduce=lambda first, second: (
            first[0],
            0,
            (first[2] if isinstance(first[2], str) else f"{first[2]}") + f",{second[2]}",
        ),
    )
    found = [[(value[0], str(value[2]), stamp) for value, stamp in of_step] for of_step in run(opened(spec), steps)]
    same(
        found,
        [[(key, ",".join(map(str, values)), last(span)) for key, span, values in of_step] for of_step in fired],
    )


@given(SIZES, st.integers(0, 5), STEPS)
def test_late_records_go_to_the_side_output(sizes: tuple[int, int], lateness: int, steps: list[Step]) -> None:
    size, slide = sizes
    steps = monotone(steps)
    model = Model(sliding(size, slide), lateness=lateness)
    model.run(steps)
    spec = window(SlidingEventTimeWindows.of(size, slide), aggregate=Count(), lateness_ms=lateness, late_tag="late")
    operator = opened(spec)
    found = [event for step in steps for event in late(outputs(operator, step))]
    assert sorted(found, key=repr) == sorted(model.late, key=repr)
    assert operator.late_dropped == 0


@given(SIZES, STEPS, st.integers(0, 14), st.sampled_from(["sum", "several", "merging", "not merging"]))
def test_a_snapshot_in_between_changes_nothing(sizes: tuple[int, int], steps: list[Step], cut: int, name: str) -> None:
    aggregate, _ = AGGREGATES[name]
    size, slide = sizes
    # Watermarks start anew after a restore, as the sources read on from where they were: nothing may come back.
    steps = monotone(steps)
    spec = window(SlidingEventTimeWindows.of(size, slide), aggregate=aggregate)
    whole = run(opened(spec), steps)
    first = opened(spec)
    before = [_results(first, step) for step in steps[:cut]]
    second = opened(spec, snapshot=first.snapshot())
    marks = [step for step in steps[:cut] if isinstance(step, int)]
    silent = _results(second, marks[-1]) if marks else []
    after = [_results(second, step) for step in [*steps[cut:], END]]
    assert silent == []
    same([*before, *after], whole)


def _results(operator: Any, step: Step) -> list[Any]:
    from tests.runtime.operators.window_driver import results

    return results(outputs(operator, step))
