import pickle
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sage_local.errors import PlanError
from sage_local.windowing.assigners import (
    EventTimeSessionWindows,
    GlobalWindows,
    SlidingEventTimeWindows,
    TumblingEventTimeWindows,
    merge_sessions,
)
from sage_local.windowing.timestamps import event_time_ms
from sage_local.windowing.windows import GLOBAL_WINDOW, TimeWindow

TIMESTAMPS = st.one_of(st.integers(-(2**63) + 1, 2**63 - 2), st.integers(-(10**13), 10**13))
ZONES = st.sampled_from(
    ["Europe/Berlin", "America/Havana", "Asia/Kathmandu", "Australia/Lord_Howe", "Pacific/Apia", "UTC"]
)


def ms(text: str, zone: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp() * 1000)


@given(TIMESTAMPS, st.integers(1, 10**9), st.integers(-(10**9), 10**9))
def test_a_record_is_in_the_one_tumbling_window_around_it(timestamp: int, size: int, offset: int) -> None:
    (window,) = TumblingEventTimeWindows.of(size, offset).assign(None, timestamp)
    assert window.start <= timestamp < window.end
    assert window.end - window.start == size
    assert (window.start - offset) % size == 0


@given(TIMESTAMPS, st.integers(1, 1000), st.integers(1, 1000), st.integers(-500, 500))
def test_a_record_is_in_exactly_the_sliding_windows_around_it(timestamp: int, a: int, b: int, offset: int) -> None:
    size, slide = max(a, b), min(a, b)
    windows = SlidingEventTimeWindows.of(size, slide, offset).assign(None, timestamp)
    starts = range(timestamp - size + 1, timestamp + 1)
    assert [window.start for window in windows] == [start for start in starts if (start - offset) % slide == 0]
    assert all(window.end - window.start == size for window in windows)


@given(TIMESTAMPS, ZONES, st.sampled_from(["1d", "1h", "30min", "6h", "50min", "7d"]))
def test_windows_in_a_time_zone_leave_no_instant_out_and_do_not_overlap(timestamp: int, zone: str, size: str) -> None:
    assigner = TumblingEventTimeWindows.of(size, time_zone=zone)
    (window,) = assigner.assign(None, timestamp)
    assert window.start <= timestamp < window.end
    assert assigner.assign(None, window.start) == (window,)
    assert assigner.assign(None, window.end - 1) == (window,)
    assert assigner.assign(None, window.end)[0].start == window.end


@given(
    st.integers(ms("2024-10-26", "UTC"), ms("2024-10-29", "UTC")), st.sampled_from(["1h", "20min", "50min", "2h", "1d"])
)
def test_windows_partition_time_where_the_clocks_go_back(timestamp: int, size: str) -> None:
    assigner = TumblingEventTimeWindows.of(size, time_zone="Europe/Berlin")
    (window,) = assigner.assign(None, timestamp)
    assert window.start <= timestamp < window.end
    assert assigner.assign(None, window.end)[0].start == window.end


def test_a_day_with_a_change_of_clocks_has_23_or_25_hours() -> None:
    assigner = TumblingEventTimeWindows.of("1d", time_zone="Europe/Berlin")
    lengths = [
        window.end - window.start
        for day in ("2024-03-31T12:00", "2024-10-27T12:00", "2024-12-24T12:00")
        for window in assigner.assign(None, ms(day, "Europe/Berlin"))
    ]
    assert lengths == [23 * 3_600_000, 25 * 3_600_000, 24 * 3_600_000]


def test_sliding_windows_follow_the_local_calendar() -> None:
    windows = SlidingEventTimeWindows.of("2d", "1d", time_zone="Europe/Berlin").assign(
        None, ms("2024-03-31T12:00", "Europe/Berlin")
    )
    assert windows == [
        (ms("2024-03-30", "Europe/Berlin"), ms("2024-04-01", "Europe/Berlin")),
        (ms("2024-03-31", "Europe/Berlin"), ms("2024-04-02", "Europe/Berlin")),
    ]


def test_an_offset_moves_the_windows() -> None:
    assert TumblingEventTimeWindows.of("1d", "-8h").assign(None, 0) == ((-8 * 3_600_000, 16 * 3_600_000),)


def test_sessions_that_touch_are_one() -> None:
    windows = [TimeWindow(20, 30), TimeWindow(0, 10), TimeWindow(10, 15), TimeWindow(16, 20)]
    assert merge_sessions(windows) == [
        ((0, 15), [(0, 10), (10, 15)]),
        ((16, 30), [(16, 20), (20, 30)]),
    ]


def test_a_dynamic_gap_is_asked_of_the_record() -> None:
    assigner = EventTimeSessionWindows.with_dynamic_gap(lambda record: record["gap"])
    assert assigner.assign({"gap": "2s"}, 5) == ((5, 2005),)


def test_a_dynamic_gap_that_is_not_positive_is_an_error() -> None:
    with pytest.raises(PlanError, match="session gap of the record must be positive; found 0"):
        EventTimeSessionWindows.with_dynamic_gap(lambda record: 0).assign(None, 0)


def test_the_global_window_holds_everything() -> None:
    assert GlobalWindows().assign(None, 5) == (GLOBAL_WINDOW,)


@pytest.mark.parametrize(
    "assigner",
    [
        TumblingEventTimeWindows.of("1d", time_zone="Europe/Berlin"),
        SlidingEventTimeWindows.of("10s", "1s"),
        EventTimeSessionWindows.with_gap(timedelta(seconds=3)),
        GlobalWindows(),
    ],
)
def test_assigners_travel_to_workers(assigner: object) -> None:
    assert pickle.loads(pickle.dumps(assigner)) == assigner


@pytest.mark.parametrize(
    ("size", "message"),
    [
        (0, "window size must be positive; found 0"),
        ("-1s", "window size must be positive; found '-1s'"),
        (1.5, "found 1.5 of type float"),
        (True, "found True of type bool"),
        (None, "found None of type NoneType"),
        ("0.5ms", "whole number of milliseconds; found '0.5ms'"),
        (timedelta(microseconds=1), "whole number of milliseconds"),
        ("10 lightyears", "found '10 lightyears'"),
        ("", "found ''"),
    ],
)
def test_a_size_that_is_none_is_refused(size: object, message: str) -> None:
    with pytest.raises(PlanError, match=message):
        TumblingEventTimeWindows.of(size)


@pytest.mark.parametrize("size", [timedelta(seconds=90), 90_000, "90s", "1.5min", "1.5 m", " 90 S "])
def test_a_size_can_be_written_in_many_ways(size: timedelta | int | str) -> None:
    assert TumblingEventTimeWindows.of(size).size_ms == 90_000


def test_a_slide_longer_than_the_size_is_refused() -> None:
    with pytest.raises(
        PlanError, match="slide must not be longer than the window size; found slide '60s' and size '10s'"
    ):
        SlidingEventTimeWindows.of("10s", "60s")


def test_an_unknown_time_zone_is_refused() -> None:
    with pytest.raises(PlanError, match="found 'Mars/Olympus'"):
        TumblingEventTimeWindows.of("1d", time_zone="Mars/Olympus")


def test_an_instant_may_be_given_in_any_zone() -> None:
    assert event_time_ms(datetime(2024, 3, 31, 12, tzinfo=ZoneInfo("Europe/Berlin"))) == ms("2024-03-31T10:00", "UTC")
    assert event_time_ms(datetime(1969, 12, 31, 23, 59, 59, 999_000, tzinfo=UTC)) == -1
