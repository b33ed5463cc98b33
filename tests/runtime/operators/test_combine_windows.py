"""The combiner of windows: what it holds back and sends, when it does not, and that windows come out the same."""

from array import array
from typing import Any

import pytest

from sage_local.core.elements import MAX_TIMESTAMP, Element, Idleness, Partials, Rows, Watermark
from sage_local.functions.aggregates import Count, Sum
from sage_local.plan import operators as specs
from sage_local.runtime.metrics.table import OperatorCounters
from sage_local.runtime.operators.windows.combine import FIRST_REST, MOST_HELD, CombineWindows
from sage_local.runtime.protocol.blame import OperatorFailed
from sage_local.windowing.assigners import SlidingEventTimeWindows, TumblingEventTimeWindows
from tests.runtime.operators.window_driver import context, opened, results, run, window

HOT = [("a", time, 1) for time in range(40)]
VARIED = [(f"k{time}", time, 1) for time in range(40)]


def rows(events: list[Any]) -> Rows:
    return Rows(list(events), None, [time for _, time, _ in events])


def combiner(spec: specs.Window, *, watermark: int | None = -1, holds: bool = True) -> CombineWindows:
    partial = specs.PartialWindow(
        name="window (combine)", key_selector=lambda event: event[0], window=spec, holds=holds
    )
    operator = CombineWindows(partial, OperatorCounters(array("q", bytes(800)), 0))
    operator.open(context())
    if watermark is not None:
        assert list(operator.watermark(Watermark(watermark))) == [Watermark(watermark)]
    return operator


def tumbling() -> specs.Window:
    return window(TumblingEventTimeWindows.of(20), aggregate=Sum(2))


def contents(elements: Any) -> list[Any]:
    """Kind, values, keys and times of each batch."""
    return [(type(each), each.values, each.keys, each.timestamps) for each in elements if isinstance(each, Rows)]


def test_a_pane_is_sent_as_accumulators_before_the_watermark_that_ends_it() -> None:
    operator = combiner(tumbling())
    assert list(operator.process(rows(HOT))) == []
    assert list(operator.watermark(Watermark(18))) == [Watermark(18)]
    first, watermark = operator.watermark(Watermark(19))
    assert contents([first]) == [(Partials, [20], ["a"], [0])]
    assert watermark == Watermark(19)
    assert contents(operator.watermark(Watermark(MAX_TIMESTAMP))) == [(Partials, [20], ["a"], [20])]


def test_nothing_is_held_back_before_the_first_watermark() -> None:
    batch = rows(HOT)
    assert list(combiner(tumbling(), watermark=None).process(batch)) == [batch]


def test_nothing_is_held_back_across_a_barrier() -> None:
    operator = combiner(tumbling())
    assert list(operator.process(rows(HOT))) == []
    assert contents(operator.let_go()) == [(Partials, [20], ["a"], [0]), (Partials, [20], ["a"], [20])]
    assert list(operator.let_go()) == []


def test_nothing_is_held_back_behind_a_batch_where_others_pass_on_the_same_watermarks() -> None:
    operator = combiner(tumbling(), holds=False)
    assert contents(operator.process(rows(HOT))) == [(Partials, [20], ["a"], [0]), (Partials, [20], ["a"], [20])]


def test_an_idle_stream_lets_go_and_is_not_combined_again() -> None:
    operator = combiner(tumbling())
    assert list(operator.process(rows(HOT))) == []
    assert contents(operator.idleness(Idleness(True)))[0] == (Partials, [20], ["a"], [0])
    batch = rows(HOT)
    assert list(operator.process(batch)) == [batch]


def test_records_behind_the_watermark_go_as_they_are() -> None:
    operator = combiner(tumbling(), watermark=25)
    assert contents(operator.process(rows(HOT))) == [(Rows, HOT[:20], None, list(range(20)))]
    assert contents(operator.let_go()) == [(Partials, [20], ["a"], [20])]


def test_records_go_as_they_are_for_a_while_where_keys_do_not_repeat() -> None:
    operator = combiner(tumbling())
    assert list(operator.process(rows(VARIED))) == []
    assert len(contents(operator.let_go())) == 2
    batch = rows(HOT)
    sent = [list(operator.process(batch)) for _ in range(FIRST_REST + 1)]
    assert sent[:-1] == [[batch]] * FIRST_REST
    assert sent[-1] == []


def test_no_more_is_held_than_there_may_be() -> None:
    operator = combiner(tumbling())
    many = [(number, 5, 1) for number in range(MOST_HELD + 1)]
    assert sum(len(each.values) for each in operator.process(rows(many)) if isinstance(each, Rows)) == len(many)


@pytest.mark.parametrize("assigner", [TumblingEventTimeWindows.of(20), SlidingEventTimeWindows.of(20, 5)])
@pytest.mark.parametrize("events", [HOT, VARIED])
def test_windows_of_partials_are_those_of_their_records(assigner: Any, events: list[Any]) -> None:
    spec = window(assigner, aggregate=Sum(2))
    plain, behind, combine = opened(spec), opened(spec), combiner(spec)
    elements: list[Element] = [*combine.process(rows(events))]
    for watermark in (12, 30, MAX_TIMESTAMP):
        elements += combine.watermark(Watermark(watermark))
    fired = [result for element in elements for result in results(_through(behind, element))]
    expected = run(plain, [events, 12, 30])
    assert sorted(fired, key=str) == sorted((each for step in expected for each in step), key=str)


def _through(operator: Any, element: Element) -> list[Element]:
    if isinstance(element, Rows):
        return list(operator.process(element))
    return list(operator.watermark(element))


def test_partials_that_were_joined_on_the_way_are_added_up() -> None:
    spec = window(TumblingEventTimeWindows.of(100), aggregate=Count())
    windows = opened(spec)
    assert list(windows.process(Partials([40, 2], ["a", "a"], [0, 0]))) == []
    assert run(windows, [200])[0] == [(("a", 42), 99)]


def test_a_failing_record_is_told_as_the_windows_operator_s() -> None:
    with pytest.raises(OperatorFailed) as failed:
        list(combiner(tumbling()).process(rows([("a", 1, 1), ("a", 2, "x")])))
    assert (failed.value.operator, failed.value.record) == ("window", ("a", 2, "x"))


def test_a_key_without_a_canonical_form_is_refused_with_its_record() -> None:
    with pytest.raises(OperatorFailed) as failed:
        list(combiner(tumbling()).process(rows([("a", 1, 1), (float("nan"), 2, 1)])))
    assert failed.value.operator == "window"


def test_what_waits_in_a_combiner_is_told_with_the_windows() -> None:
    operator = combiner(tumbling())
    list(operator.process(rows(HOT)))
    waiting = [(each.start, each.end, each.fires_at, each.keys) for each in operator.waiting(("a",), 5)]
    assert waiting == [(0, 20, 19, 1), (20, 40, 39, 1)]
    assert operator.waiting(("b",), 5) == []
