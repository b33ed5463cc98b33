"""Why has my window not fired? A running job says how far time has come, what holds it back and what waits."""

import threading
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import pyarrow as pa
import pytest

from sage_local import (
    EventTimeSessionWindows,
    JobCancelledError,
    JobError,
    LocalEnvironment,
    SlidingEventTimeWindows,
    SourceFunction,
    SplitReader,
    TumblingEventTimeWindows,
    WatermarkStrategy,
)
from sage_local.runtime.launcher import JobHandle
from sage_local.runtime.protocol.explanations import SplitReading
from tests.job_site import JobSite

Record = tuple[str, int]


def endless(records: Iterable[Record]) -> Iterator[Record]:
    yield from records
    threading.Event().wait()


def strategy() -> WatermarkStrategy[Record]:
    return WatermarkStrategy.for_monotonous_timestamps().with_timestamp_assigner(lambda record: record[1])


def started(env: LocalEnvironment, records: int, watermark: int, operator: str) -> JobHandle:
    """A detached job whose window operator has come to ``watermark`` in every subtask."""
    handle = env.submit(detach=True)
    while True:
        try:
            explained = handle.explain_window(operator)
        except JobError:
            continue  # it has not begun
        # Where there is a combiner, it is what takes the records.
        taken = [each.records_in for each in handle.metrics().operators if each.name.startswith(operator)]
        if taken[:1] == [records] and {each.watermark for each in explained.subtasks} == {watermark}:
            return handle


def cancelled(handle: JobHandle) -> None:
    handle.cancel()
    with pytest.raises(JobCancelledError):
        handle.wait()


@pytest.mark.parametrize("parallelism", [1, 2])
def test_windows_that_wait_are_told_with_what_they_wait_for(site: JobSite, parallelism: int) -> None:
    env = LocalEnvironment("waits", config={"parallelism": parallelism})
    records = [("a", 0), ("b", 15_000), ("a", 16_000), ("c", 25_000)]
    keyed = (
        env.from_generator(lambda: endless(records), name="numbers")
        .assign_timestamps_and_watermarks(strategy())
        .key_by(lambda record: record[0])
    )
    keyed.window(TumblingEventTimeWindows.of("10s")).count(name="tumbling").sink(lambda _: None)
    keyed.window(SlidingEventTimeWindows.of("20s", "10s")).count(name="sliding").sink(lambda _: None)
    keyed.window(EventTimeSessionWindows.with_gap("30s")).count(name="session").sink(lambda _: None)
    keyed.count_window(5).count(name="counted").sink(lambda _: None)
    handle = started(env, 4, 24_999, "tumbling")

    of_all = handle.explain_window("tumbling")
    assert [(w.start, w.fires_at, w.keys) for each in of_all.subtasks for w in each.windows] == [(20_000, 29_999, 1)]
    (origin,) = of_all.origins
    assert (origin.watermark, origin.is_idle, origin.subtask) == (24_999, False, 0)
    assert "(5,000 ms to go)" in str(of_all)
    while {each.watermark for each in handle.explain_window("counted").subtasks} != {24_999}:
        pass
    of_b = handle.explain_window("sliding", "b")
    assert [w.end for each in of_b.subtasks for w in each.windows] == [30_000]
    of_a = handle.explain_window("session", "a")
    assert [(w.start, w.end) for each in of_a.subtasks for w in each.windows] == [(0, 46_000)]
    of_a = handle.explain_window("counted", "a")
    assert [w.note for each in of_a.subtasks for w in each.windows] == ["fires after 3 more records of the key"]
    assert "no window holds records of key 'nobody'" in str(handle.explain_window("tumbling", "nobody"))
    cancelled(handle)


def test_windows_of_columns_are_told_of_too(site: JobSite) -> None:
    env = LocalEnvironment("columns", config={"parallelism": 1})
    records = [("a", 0), ("b", 15_000), ("a", 16_000), ("c", 25_000)]
    stream = env.from_generator(lambda: endless(records)).map(lambda record: {"key": record[0], "ts": record[1]})
    stamped = stream.to_columns(pa.schema({"key": pa.string(), "ts": pa.int64()})).assign_timestamps_and_watermarks(
        WatermarkStrategy.for_monotonous_timestamps().with_timestamp_column("ts")
    )
    tumbling = stamped.key_by("key").window(TumblingEventTimeWindows.of("10s")).aggregate(n=("ts", "count"), name="win")
    tumbling.sink(lambda _: None)
    handle = started(env, 4, 24_999, "win")
    explained = handle.explain_window("win", "c")
    assert [(w.start, w.end, w.fires_at, w.keys) for each in explained.subtasks for w in each.windows] == [
        (20_000, 30_000, 29_999, 1)
    ]
    assert "fires when the watermark reaches 1970-01-01T00:00:29.999Z (5,000 ms to go)" in str(explained)
    assert "no window holds records of key 'a'" in str(handle.explain_window("win", "a"))
    cancelled(handle)


def test_the_input_that_holds_back_the_others_is_named(site: JobSite) -> None:
    env = LocalEnvironment("holds", config={"parallelism": 1})
    ahead = env.from_generator(lambda: endless([("a", 50_000)]))
    behind = env.from_generator(lambda: endless([("a", 7_000)]))
    ahead = ahead.assign_timestamps_and_watermarks(strategy(), name="ahead")
    behind = behind.assign_timestamps_and_watermarks(strategy(), name="behind")
    windows = ahead.union(behind).key_by(lambda record: record[0]).window(TumblingEventTimeWindows.of("1m"))
    windows.count(name="windows").sink(lambda _: None)
    handle = started(env, 2, 6_999, "windows")
    (subtask,) = handle.explain_window("windows", "a").subtasks
    assert [(each.operator, each.watermark, each.holds_back) for each in subtask.inputs] == [
        ("ahead", 49_999, False),
        ("behind", 6_999, True),
    ]
    assert "from 'behind': watermark 1970-01-01T00:00:06.999Z, holds back the others" in str(
        handle.explain_window("windows")
    )
    cancelled(handle)


def test_an_idle_input_is_said_to_be_idle_and_holds_back_nothing(site: JobSite) -> None:
    env = LocalEnvironment("idle", config={"parallelism": 1})
    ahead = env.from_generator(lambda: endless([("a", 50_000)]))
    silent = env.from_generator(lambda: endless([]))
    ahead = ahead.assign_timestamps_and_watermarks(strategy(), name="ahead")
    silent = silent.assign_timestamps_and_watermarks(strategy().with_idleness("10ms"), name="silent")
    windows = ahead.union(silent).key_by(lambda record: record[0]).window(TumblingEventTimeWindows.of("1m"))
    windows.count(name="windows").sink(lambda _: None)
    handle = started(env, 1, 49_999, "windows")
    explained = handle.explain_window("windows")
    (subtask,) = explained.subtasks
    assert [(each.operator, each.is_idle, each.holds_back) for each in subtask.inputs] == [
        ("ahead", False, True),
        ("silent", True, False),
    ]
    assert {each.operator: each.is_idle for each in explained.origins} == {"ahead": False, "silent": True}
    cancelled(handle)


class Feed(SourceFunction[Record]):
    """Without end; each split gives its records and then nothing more."""

    bounded = False

    def __init__(self, *splits: list[Record]) -> None:
        self.records = splits

    def splits(self) -> Sequence[int]:
        return range(len(self.records))

    def open_split(self, split: int, position: Any = None) -> SplitReader[Record]:
        return FeedReader(self.records[split])


class FeedReader:
    def __init__(self, records: list[Record]) -> None:
        self.rest = [*records]

    def poll(self, max_records: int, /) -> list[Record]:
        taken, self.rest = self.rest, []
        return taken

    def snapshot(self) -> None: ...

    def close(self) -> None: ...


def test_the_split_that_holds_back_the_others_is_named(site: JobSite) -> None:
    env = LocalEnvironment("splits", config={"parallelism": 1})
    feed = env.from_source(Feed([("a", 60_000)], [("a", 7_000)], [("a", 90_000)]))
    stamped = feed.assign_timestamps_and_watermarks(strategy(), name="times").key_by(lambda record: record[0])
    stamped.window(TumblingEventTimeWindows.of("1m")).count(name="windows").sink(lambda _: None)
    handle = started(env, 3, 6_999, "windows")
    explained = handle.explain_window("windows", "a")
    (origin,) = explained.origins
    assert (origin.splits, origin.unread) == (3, 0)
    assert origin.readings == (
        SplitReading(2, 6_999, is_idle=False, holds_back=True),
        SplitReading(1, 59_999, is_idle=False, holds_back=False),
        SplitReading(3, 89_999, is_idle=False, holds_back=False),
    )
    assert "    split 2 of 3: watermark 1970-01-01T00:00:06.999Z, holds back the others\n" in str(explained)
    cancelled(handle)


def test_a_split_that_is_idle_is_said_to_be_and_lets_windows_fire(site: JobSite) -> None:
    env = LocalEnvironment("idle", config={"parallelism": 1})
    feed = env.from_source(Feed([("a", 60_000)], [], [("a", 90_000)]))
    stamped = feed.assign_timestamps_and_watermarks(strategy().with_idleness("10ms"), name="times")
    keyed = stamped.key_by(lambda record: record[0])
    keyed.window(TumblingEventTimeWindows.of("10s")).count(name="windows").sink(lambda _: None)
    handle = started(env, 2, 89_999, "windows")
    explained = handle.explain_window("windows")
    assert [w.start for each in explained.subtasks for w in each.windows] == [90_000]
    assert "    split 2 of 3: no watermark yet, idle\n" in str(explained)
    cancelled(handle)


def test_an_operator_without_windows_is_refused_and_those_with_are_named(site: JobSite) -> None:
    env = LocalEnvironment("refuses", config={"parallelism": 1})
    stamped = env.from_generator(lambda: endless([("a", 0)])).assign_timestamps_and_watermarks(strategy())
    mapped = stamped.map(lambda record: record, name="same").key_by(lambda record: record[0])
    mapped.window(TumblingEventTimeWindows.of("1s")).count(name="windows").sink(lambda _: None)
    handle = started(env, 1, -1, "windows")
    with pytest.raises(JobError, match="'same' is of kind Map; those with windows are 'windows'"):
        handle.explain_window("same")
    with pytest.raises(JobError, match="'nothing' is not in this job"):
        handle.explain_window("nothing")
    with pytest.raises(TypeError, match="unhashable"):
        handle.explain_window("windows", ["a"])
    cancelled(handle)
    with pytest.raises(JobError, match="has ended: no window waits in it"):
        handle.explain_window("windows")


def test_a_worker_that_is_inside_a_long_call_is_named_as_silent(site: JobSite) -> None:
    env = LocalEnvironment("stuck", config={"parallelism": 1})
    stamped = env.from_generator(lambda: endless([("a", 0), ("b", 1)])).assign_timestamps_and_watermarks(strategy())
    keyed = stamped.map(lambda record: threading.Event().wait() or record, name="stuck").key_by(
        lambda record: record[0]
    )
    keyed.window(TumblingEventTimeWindows.of("1s")).count(name="windows").sink(lambda _: None)
    handle = env.submit(detach=True)
    while handle.metrics().operators[0].records_out == 0:
        pass
    (silent,) = handle.explain_window("windows").silent
    assert silent.startswith("worker 0 (pid ")
    cancelled(handle)
