from array import array
from datetime import UTC, datetime
from typing import Any

import pytest

from sage_local.core.clock import ManualClock
from sage_local.core.elements import MAX_TIMESTAMP, MIN_TIMESTAMP, Element, Idleness, Rows, Split, Watermark
from sage_local.plan import operators as specs
from sage_local.runtime.metrics.table import OperatorCounters
from sage_local.runtime.operators.timestamps import AssignTimestamps
from sage_local.runtime.protocol.blame import OperatorFailed
from sage_local.runtime.protocol.explanations import SplitReading, WindowExplanation
from sage_local.windowing.watermarks import TimestampAssigner, WatermarkGenerator, WatermarkOutput, WatermarkStrategy
from tests.runtime.operators.window_driver import context


def opened(strategy: WatermarkStrategy[Any], clock: ManualClock | None = None) -> AssignTimestamps:
    operator = AssignTimestamps(
        specs.AssignTimestamps(name="timestamps", strategy=strategy), OperatorCounters(array("q", bytes(800)), 0)
    )
    operator.open(context(clock))
    return operator


def rows(*values: Any) -> Rows:
    return Rows(list(values))


def stamped(*values: Any) -> Rows:
    return Rows(list(values), None, list(values))


def itself(value: Any) -> Any:
    return value


BOUNDED = WatermarkStrategy.for_bounded_out_of_orderness(3).with_timestamp_assigner(itself)


def test_the_watermark_follows_the_latest_record_at_a_distance() -> None:
    operator = opened(BOUNDED)
    assert list(operator.process(rows(5, 9, 7))) == [stamped(5, 9, 7), Watermark(5)]
    assert list(operator.process(rows(8, 9))) == [stamped(8, 9)]


def test_monotonous_timestamps_wait_for_equal_ones() -> None:
    operator = opened(WatermarkStrategy.for_monotonous_timestamps().with_timestamp_assigner(itself))
    assert list(operator.process(rows(1, 2))) == [stamped(1, 2), Watermark(1)]


def test_watermarks_from_before_end_here_but_for_the_last() -> None:
    operator = opened(BOUNDED)
    assert list(operator.watermark(Watermark(100))) == []
    assert list(operator.watermark(Watermark(MAX_TIMESTAMP))) == [Watermark(MAX_TIMESTAMP)]


def test_time_stands_still_until_the_last_split_is_begun_with() -> None:
    operator = opened(BOUNDED)
    seen: list[Element] = []
    for number, value in enumerate((50, 10, 30)):
        seen += operator.split(Split(number, 3))
        seen += operator.process(rows(value))
        if number < 2:
            seen += operator.split(Split(number, 3, has_ended=True))
    assert seen == [stamped(50), stamped(10), stamped(30), Watermark(26)]


def with_splits(strategy: WatermarkStrategy[Any], clock: ManualClock, splits: int = 3) -> AssignTimestamps:
    """Where all of them were begun with."""
    operator = opened(strategy, clock)
    assert [list(operator.split(Split(number, splits))) for number in range(splits)] == [[]] * splits
    return operator


def of_split(operator: AssignTimestamps, number: int, value: int, splits: int = 3) -> list[Element]:
    return [*operator.split(Split(number, splits)), *operator.process(rows(value))]


def test_the_slowest_of_the_splits_holds_back_the_others() -> None:
    operator = with_splits(BOUNDED, ManualClock())
    assert of_split(operator, 0, 50) == [stamped(50)]
    assert of_split(operator, 1, 40) == [stamped(40)]
    assert of_split(operator, 2, 20) == [stamped(20), Watermark(16)]
    assert of_split(operator, 2, 45) == [stamped(45), Watermark(36)]
    assert list(operator.split(Split(1, 3, has_ended=True))) == [Watermark(41)]


def test_a_silent_split_does_not_hold_back_the_others_until_its_next_record() -> None:
    clock = ManualClock()
    operator = with_splits(BOUNDED.with_idleness("1s"), clock)
    clock.set(900)
    assert of_split(operator, 0, 50) == [stamped(50)]
    assert of_split(operator, 1, 40) == [stamped(40)]
    clock.set(1000)
    assert list(operator.advance_time(1000)) == [Watermark(36)]
    assert operator.next_time_ms() == 1900
    clock.set(1500)
    assert of_split(operator, 2, 10) == [stamped(10)]  # late, and it counts again
    assert of_split(operator, 1, 60) == [stamped(60)]
    clock.set(1900)
    assert list(operator.advance_time(1900)) == []
    clock.set(2500)
    assert list(operator.advance_time(2500)) == [Watermark(56), Idleness(True)]
    assert operator.next_time_ms() is None
    assert of_split(operator, 0, 90) == [Idleness(False), stamped(90), Watermark(86)]


def test_each_split_has_a_generator_of_its_own_which_is_asked_while_no_records_come() -> None:
    clock = ManualClock()
    operator = with_splits(WatermarkStrategy.for_generator(Periodic).with_timestamp_assigner(itself), clock, 2)
    assert of_split(operator, 0, 50, 2) == [stamped(50)]
    assert of_split(operator, 1, 20, 2) == [stamped(20), Watermark(21)]
    clock.set(200)
    assert list(operator.advance_time(200)) == [Watermark(22)]


def test_a_snapshot_knows_how_far_time_has_come_in_each_split() -> None:
    before, clock = with_splits(BOUNDED, ManualClock()), ManualClock()
    of_split(before, 0, 50)
    of_split(before, 1, 40)
    of_split(before, 2, 20)
    after = AssignTimestamps(
        specs.AssignTimestamps(name="timestamps", strategy=BOUNDED.with_idleness("1s")),
        OperatorCounters(array("q", bytes(800)), 0),
    )
    after.restore(before.snapshot())
    after.open(context(clock))
    assert of_split(after, 2, 60) == [Watermark(16), stamped(60), Watermark(36)]
    clock.set(1000)
    assert list(after.advance_time(1000)) == [Watermark(56), Idleness(True)]


def test_people_are_told_of_each_split() -> None:
    operator = opened(BOUNDED.with_idleness("1s"), ManualClock())
    for number in range(3):
        list(operator.split(Split(number, 5)))
    of_split(operator, 1, 40, 5)
    list(operator.split(Split(0, 5, has_ended=True)))
    list(operator.advance_time(1000))
    told = operator.origin_time(7)
    assert (told.subtask, told.splits, told.unread) == (7, 5, 2)
    assert told.readings == (
        SplitReading(3, MIN_TIMESTAMP, is_idle=True, holds_back=False),
        SplitReading(2, 36, is_idle=True, holds_back=False),
    )
    lines = str(WindowExplanation("window", (), (told,))).splitlines()
    assert lines[-2:] == [
        "    split 2 of 5: watermark 1970-01-01T00:00:00.036Z, idle",
        "    2 of 5 splits still to be read, which holds back the others",
    ]


class Punctuated(WatermarkGenerator[Any]):
    def on_event(self, value: Any, timestamp: int, output: WatermarkOutput, /) -> None:
        if value % 10 == 0:
            output.emit_watermark(timestamp)


def test_a_generators_watermark_comes_directly_behind_its_record() -> None:
    operator = opened(WatermarkStrategy.for_generator(Punctuated).with_timestamp_assigner(itself))
    assert list(operator.process(rows(1, 10, 3, 4))) == [stamped(1, 10), Watermark(10), stamped(3, 4)]


class Periodic(WatermarkGenerator[Any]):
    now = 0

    def on_event(self, value: Any, timestamp: int, output: WatermarkOutput, /) -> None:
        self.now = timestamp

    def on_periodic_emit(self, output: WatermarkOutput, /) -> None:
        self.now += 1
        output.emit_watermark(self.now)


def test_a_generator_is_asked_while_no_records_come() -> None:
    clock = ManualClock()
    operator = opened(WatermarkStrategy.for_generator(Periodic).with_timestamp_assigner(itself), clock)
    assert list(operator.process(rows(5))) == [stamped(5), Watermark(6)]
    assert operator.next_time_ms() == 200
    clock.advance(200)
    assert list(operator.advance_time(200)) == [Watermark(7)]
    assert operator.next_time_ms() == 400


def test_a_silent_stream_is_idle_until_its_next_record() -> None:
    clock = ManualClock()
    operator = opened(BOUNDED.with_idleness("1s"), clock)
    list(operator.process(rows(5)))
    assert operator.next_time_ms() == 1000
    clock.set(1000)
    assert list(operator.advance_time(1000)) == [Idleness(True)]
    assert operator.next_time_ms() is None
    assert list(operator.process(rows(6))) == [Idleness(False), stamped(6), Watermark(2)]
    assert operator.next_time_ms() == 2000


def test_an_idle_stream_wakes_up_to_end() -> None:
    clock = ManualClock()
    operator = opened(BOUNDED.with_idleness("1s"), clock)
    clock.set(1000)
    list(operator.advance_time(1000))
    assert list(operator.watermark(Watermark(MAX_TIMESTAMP))) == [Idleness(False), Watermark(MAX_TIMESTAMP)]


class Later(TimestampAssigner[Any]):
    def extract_timestamp(self, value: Any, record_timestamp: int | None, /) -> int:
        return value + (record_timestamp or 0)


def test_an_assigner_sees_the_timestamp_that_a_record_had() -> None:
    operator = opened(WatermarkStrategy.for_monotonous_timestamps().with_timestamp_assigner(Later()))
    assert next(iter(operator.process(Rows([1, 2], None, [100, 200])))) == Rows([1, 2], None, [101, 202])


def test_a_zoned_datetime_is_an_event_time() -> None:
    operator = opened(BOUNDED)
    moment = datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC)
    assert next(iter(operator.process(rows(moment)))) == Rows([moment], None, [1000])


@pytest.mark.parametrize("bad", [None, 1.5, "now", True, datetime(2024, 1, 1), 2**63])
def test_what_is_no_event_time_fails_on_its_record(bad: Any) -> None:
    with pytest.raises(OperatorFailed) as caught:
        list(opened(BOUNDED).process(rows(1, bad, 3)))
    assert caught.value.record is bad
    assert "an event time must be" in str(caught.value.error)


def test_an_assigner_that_raises_fails_on_its_record() -> None:
    strategy = WatermarkStrategy.for_monotonous_timestamps().with_timestamp_assigner(lambda record: record["ts"])
    with pytest.raises(OperatorFailed) as caught:
        list(opened(strategy).process(rows({"ts": 1}, {"time": 2})))
    assert caught.value.record == {"time": 2}
    assert isinstance(caught.value.error, KeyError)


def test_a_field_name_is_an_assigner() -> None:
    strategy = WatermarkStrategy.for_monotonous_timestamps().with_timestamp_assigner("ts")
    assert list(opened(strategy).process(rows({"ts": 7})))[1] == Watermark(6)
