"""Every window operator against the model: any order of records and watermarks, any cut into batches."""

from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from sage_local.functions.aggregates import Count
from sage_local.windowing.assigners import EventTimeSessionWindows, SlidingEventTimeWindows, TumblingEventTimeWindows
from tests.runtime.operators.window_draws import AGGREGATES, FIRINGS, MERGING, SIZES, STEPS, trigger
from tests.runtime.operators.window_driver import completed, late, opened, outputs, results, run, window
from tests.runtime.operators.window_model import BEGINNING, Fired, Firing, Model, Step, last, sliding


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


@example("count", 2, [[("a", 0, 0), ("a", 3, 0), ("a", -3, 0)], 0, 4])  # twice in one slot of the queue
@given(st.sampled_from(MERGING), st.integers(1, 12), STEPS)
def test_sessions(name: str, gap: int, steps: list[Step]) -> None:
    aggregate, result = AGGREGATES[name]
    steps = monotone(steps)
    model = Model(None, gap=gap)
    fired = model.run(steps)
    operator = opened(window(EventTimeSessionWindows.with_gap(gap), aggregate=aggregate))
    same(run(operator, steps), wanted(fired, result))
    assert operator.late_dropped == len(model.late)


@settings(max_examples=200)
@given(st.sampled_from(sorted(AGGREGATES)), SIZES, st.integers(0, 15), FIRINGS, STEPS)
def test_triggers_and_lateness(
    name: str, sizes: tuple[int, int], lateness: int, firing: Firing, steps: list[Step]
) -> None:
    aggregate, result = AGGREGATES[name]
    size, slide = sizes
    steps = monotone(steps)
    model = Model(sliding(size, slide), lateness=lateness, firing=firing)
    fired = model.run(steps)
    spec = window(
        SlidingEventTimeWindows.of(size, slide), aggregate=aggregate, trigger=trigger(firing), lateness_ms=lateness
    )
    operator = opened(spec)
    same(run(operator, steps), wanted(fired, result))
    assert operator.late_dropped == len(model.late)


@settings(max_examples=200)
@given(st.sampled_from(MERGING), st.integers(1, 12), st.integers(0, 15), FIRINGS, STEPS)
def test_triggers_and_lateness_of_sessions(
    name: str, gap: int, lateness: int, firing: Firing, steps: list[Step]
) -> None:
    aggregate, result = AGGREGATES[name]
    steps = monotone(steps)
    model = Model(None, gap=gap, lateness=lateness, firing=firing)
    fired = model.run(steps)
    spec = window(
        EventTimeSessionWindows.with_gap(gap), aggregate=aggregate, trigger=trigger(firing), lateness_ms=lateness
    )
    operator = opened(spec)
    same(run(operator, steps), wanted(fired, result))
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


KINDS: dict[str, Any] = {
    "tumbling": lambda size, slide: {"assigner": TumblingEventTimeWindows.of(size)},
    "sliding": lambda size, slide: {"assigner": SlidingEventTimeWindows.of(size, slide)},
    "session": lambda size, slide: {"assigner": EventTimeSessionWindows.with_gap(size)},
    "general": lambda size, slide: {"assigner": SlidingEventTimeWindows.of(size, slide), "lateness_ms": slide},
    "merging": lambda size, slide: {"assigner": EventTimeSessionWindows.with_gap(size), "lateness_ms": slide},
}


@given(st.sampled_from(sorted(KINDS)), SIZES, STEPS, st.integers(0, 14), st.sampled_from(MERGING))
def test_a_snapshot_in_between_changes_nothing(
    kind: str, sizes: tuple[int, int], steps: list[Step], cut: int, name: str
) -> None:
    aggregate, _ = AGGREGATES[name]
    # Watermarks start anew after a restore, as the sources read on from where they were: nothing may come back.
    steps = monotone(steps)
    spec = window(aggregate=aggregate, **KINDS[kind](*sizes))
    whole = run(opened(spec), steps)
    first = opened(spec)
    before = [results(outputs(first, step)) for step in steps[:cut]]
    at_the_cut = first.capture(changes_only=False)
    # What comes behind the barrier is not in a snapshot that is made beside it.
    run(first, steps[cut:])
    second = opened(spec, snapshot=completed(at_the_cut))
    marks = [step for step in steps[:cut] if isinstance(step, int)]
    silent = results(outputs(second, marks[-1])) if marks else []
    after = run(second, steps[cut:])
    assert silent == []
    same([*before, *after], whole)
