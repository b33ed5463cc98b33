"""A scripted source does its steps, in order, in whatever engine."""

import threading
from datetime import datetime

import pytest

from sage_local import LocalEnvironment, OperatorError, OutputTag, PlanError, TumblingEventTimeWindows
from sage_local.testing import (
    AdvanceWatermark,
    At,
    CollectingSink,
    End,
    FaultPoint,
    InjectedFault,
    Latch,
    Pause,
    ScriptedSource,
)

INLINE = {"execution.engine": "inline", "parallelism": 1}
LATE = OutputTag("late")


def reader(*script, position=None):
    return ScriptedSource(script).open_split(0, position)


def test_records_come_in_order_and_no_more_than_asked_for():
    read = reader(1, None, 3)
    assert [read.poll(2), read.poll(2), read.poll(2)] == [[1, None], [3], None]


def test_it_goes_on_from_a_position():
    read = reader("a", Pause(0), "b", "c")
    assert read.poll(1) == ["a"]
    assert reader("a", Pause(0), "b", "c", position=read.snapshot()).poll(9) == ["b", "c"]


def test_a_latch_holds_it_until_it_is_open():
    latch = Latch()
    read = reader(1, latch, 2)
    assert [read.poll(9), read.poll(9), read.poll(9)] == [[1], [], []]
    latch.open()
    assert [read.poll(9), read.poll(9)] == [[2], None]


def test_a_pause_gives_nothing_until_it_is_over():
    read = reader(Pause("1h"), 1)
    assert [read.poll(9), read.poll(9)] == [[], []]
    assert reader(Pause(0), 1).poll(9) == [1]


def test_what_stands_before_a_fault_is_emitted_and_the_fault_happens_once():
    fault = FaultPoint()
    read = reader(1, fault, 2)
    assert read.poll(9) == [1]
    with pytest.raises(InjectedFault):
        read.poll(9)
    assert reader(1, fault, 2, position=read.snapshot()).poll(9) == [2]


def test_it_ends_where_the_script_says():
    read = reader(1, End(), 2)
    assert [read.poll(9), read.poll(9), read.poll(9)] == [[1], None, None]


def test_each_script_is_a_split():
    env = LocalEnvironment("splits", {**INLINE, "parallelism": 2})
    assert sorted(env.from_source(ScriptedSource([1, 2], [3])).collect()) == [1, 2, 3]


@pytest.mark.parametrize("engine", ["inline", "processes"])
def test_watermarks_are_where_the_script_has_them(engine: str):
    script = [
        At(1, "a"),
        At(12, "a"),
        AdvanceWatermark(9),
        At(3, "late"),
        At(13, "a"),
        AdvanceWatermark(30),
        At(14, "too"),
    ]
    env = LocalEnvironment("time", {"execution.engine": engine, "parallelism": 1})
    late = CollectingSink[str]()
    windows = ScriptedSource(script).stream(env).key_by(lambda word: word).window(TumblingEventTimeWindows.of(10))
    counts = windows.side_output_late_data(LATE).count()
    counts.side_output(LATE).sink(late)
    fired = CollectingSink[tuple[str, int]]()
    counts.sink(fired)
    env.submit()
    assert fired.records == [("a", 1), ("a", 2)]
    assert late.records == ["late", "too"]


def test_a_job_waits_at_a_latch_and_tells_how_far_it_came():
    reached, latch, sink = Latch(), Latch(), CollectingSink[int]()
    env = LocalEnvironment("latched", {"parallelism": 1})

    def announce(value: int) -> int:
        if value == 2:
            reached.open()
        return value

    env.from_source(ScriptedSource([1, 2, latch, 3])).map(announce).sink(sink)
    job = threading.Thread(target=env.submit)
    job.start()
    reached.wait()
    assert 3 not in sink.records
    latch.open()
    job.join()
    assert sink.records == [1, 2, 3]


def test_a_fault_fails_the_job_naming_the_source():
    env = LocalEnvironment("faulty", INLINE)
    source = ScriptedSource([1, FaultPoint(ValueError("disk on fire"))])
    with pytest.raises(OperatorError, match=r"operator 'disk'.*ValueError: disk on fire"):
        env.from_source(source, name="disk").collect()


def test_a_latch_that_nobody_opens_times_out():
    with pytest.raises(TimeoutError, match="nobody opened the latch within"):
        Latch().wait(timeout_s=0)


@pytest.mark.parametrize(
    ("scripts", "error", "told"),
    [
        ([], PlanError, "at least one script"),
        ([[Pause]], PlanError, r"write Pause\(\.\.\.\)"),
        ([[At(1, "a"), "b"]], PlanError, r"step 2 .* write At\(timestamp, 'b'\)"),
        ([[At(1, "a")], ["b"]], PlanError, r"step 1 .* must have one too"),
        ([[At(1.5, "a")]], TypeError, "event time must be an int"),
        ([[AdvanceWatermark(datetime(2026, 1, 1))]], ValueError, "has none"),
        ([[Pause("soon")]], PlanError, "Pause"),
    ],
)
def test_a_wrong_script_is_refused_at_once(scripts, error, told):
    with pytest.raises(error, match=told):
        ScriptedSource(*scripts)


def test_a_script_with_event_times_is_used_by_stream():
    with pytest.raises(PlanError, match=r"source\.stream\(env\)"):
        LocalEnvironment("x", INLINE).from_source(ScriptedSource([At(1, 2)])).collect()


def test_a_script_without_times_has_a_stream_too():
    assert ScriptedSource([1, 2]).stream(LocalEnvironment("x", INLINE)).collect() == [1, 2]
