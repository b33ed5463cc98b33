from array import array
from datetime import UTC, datetime
from typing import Any

import pytest

from sage_local.core.clock import ManualClock
from sage_local.core.elements import MAX_TIMESTAMP, Element, Idleness, Rows, SplitStart, Watermark
from sage_local.plan import operators as specs
from sage_local.runtime.metrics.table import OperatorCounters
from sage_local.runtime.operators.timestamps import AssignTimestamps
from sage_local.runtime.protocol.blame import OperatorFailed
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


def test_time_stands_still_until_the_last_split_is_read() -> None:
    operator = opened(BOUNDED)
    seen: list[Element] = []
    for split, value in enumerate((50, 10, 30)):
        seen += operator.split_start(SplitStart(split, 3))
        seen += operator.process(rows(value))
    assert seen == [stamped(50), stamped(10), stamped(30), Watermark(26)]


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
