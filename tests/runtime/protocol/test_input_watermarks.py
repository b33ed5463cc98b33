from hypothesis import given
from hypothesis import strategies as st

from sage_local.core.elements import MAX_TIMESTAMP, MIN_TIMESTAMP, Idleness, Watermark
from sage_local.runtime.protocol.watermarks import InputWatermarks


def test_the_slowest_input_holds_back_the_others() -> None:
    inputs = InputWatermarks(2)
    assert inputs.advance(0, 10) == []
    assert inputs.advance(1, 5) == [Watermark(5)]
    assert inputs.held_back_by() == 1
    assert inputs.advance(1, 20) == [Watermark(10)]


def test_an_idle_input_does_not_hold_back() -> None:
    inputs = InputWatermarks(2)
    inputs.advance(0, 10)
    assert inputs.set_idle(1, True) == [Watermark(10)]
    assert inputs.advance(0, 11) == [Watermark(11)]


def test_all_idle_is_idle_and_one_active_is_active() -> None:
    inputs = InputWatermarks(2)
    inputs.advance(0, 10)
    inputs.advance(1, 20)
    assert inputs.set_idle(0, True) == [Watermark(20)]
    assert inputs.set_idle(1, True) == [Idleness(True)]
    assert inputs.advance(1, 30) == [Idleness(False), Watermark(30)]


def test_the_order_of_going_idle_makes_no_difference() -> None:
    inputs = InputWatermarks(2)
    inputs.advance(0, 10)
    inputs.advance(1, 20)
    assert inputs.set_idle(1, True) == []
    assert inputs.set_idle(0, True) == [Watermark(20), Idleness(True)]


def test_an_input_that_wakes_up_behind_does_not_turn_back_time() -> None:
    inputs = InputWatermarks(2)
    inputs.set_idle(1, True)
    inputs.advance(0, 100)
    assert inputs.advance(1, 50) == []
    assert inputs.advance(0, 200) == []
    assert inputs.advance(1, 150) == [Watermark(150)]


def test_inputs_whose_time_has_ended_hold_nothing_back() -> None:
    inputs = InputWatermarks(2)
    inputs.advance(1, 5)
    assert inputs.advance(0, MAX_TIMESTAMP) == [Watermark(5)]
    assert inputs.advance(1, MAX_TIMESTAMP) == [Watermark(MAX_TIMESTAMP)]


def test_time_does_not_end_while_an_input_is_only_idle() -> None:
    inputs = InputWatermarks(2)
    assert inputs.set_idle(0, True) == []
    assert inputs.advance(1, MAX_TIMESTAMP) == [Idleness(True)]
    assert inputs.advance(0, MAX_TIMESTAMP) == [Idleness(False), Watermark(MAX_TIMESTAMP)]


EVENTS = st.lists(st.tuples(st.integers(0, 2), st.one_of(st.integers(-50, 50), st.booleans())), max_size=60)


@given(EVENTS)
def test_the_watermark_is_the_least_of_the_active_inputs_and_never_goes_back(
    events: list[tuple[int, int | bool]],
) -> None:
    inputs = InputWatermarks(3)
    model, idle, emitted, is_idle = [MIN_TIMESTAMP] * 3, [False] * 3, MIN_TIMESTAMP, False
    for number, event in events:
        if isinstance(event, bool):
            idle[number] = event
            changes = inputs.set_idle(number, event)
        else:
            model[number], idle[number] = max(model[number], event), False
            changes = inputs.advance(number, event)
        for change in changes:
            if isinstance(change, Idleness):
                assert change.idle is not is_idle
                is_idle = change.idle
            else:
                assert change.timestamp > emitted
                emitted = change.timestamp
        active = [mark for mark, is_quiet in zip(model, idle, strict=True) if not is_quiet]
        assert is_idle is (not active)
        assert emitted >= (min(active) if active else max(model))
        assert emitted == inputs.watermark


def position(inputs: InputWatermarks) -> tuple[int, list[tuple[int, bool]]]:
    return inputs.watermark, [inputs.of(number) for number in range(inputs.inputs)]


@given(EVENTS)
def test_a_successor_goes_on_where_time_was_and_never_behind_that(events: list[tuple[int, int | bool]]) -> None:
    inputs, successor = InputWatermarks(3), InputWatermarks(3)
    for number, event in events:
        if isinstance(event, bool):
            inputs.set_idle(number, event)
        else:
            inputs.advance(number, event)
    time = [] if inputs.watermark == MIN_TIMESTAMP else [Watermark(inputs.watermark)]
    assert successor.go_on(*position(inputs)) == [*time, *([Idleness(True)] if inputs.is_idle else [])]
    assert position(successor) == position(inputs)
    for number in range(3):
        assert successor.advance(number, 60) == inputs.advance(number, 60)


def test_a_successor_with_other_inputs_begins_them_anew_from_where_time_was() -> None:
    for number in (1, 3):
        successor = InputWatermarks(number)
        assert successor.go_on(100, [(100, False), (120, False)]) == [Watermark(100)]
        assert [successor.of(each) for each in range(number)] == [(MIN_TIMESTAMP, False)] * number
