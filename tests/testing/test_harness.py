"""The harness runs operators as a task does, one step at a time."""

from datetime import UTC, datetime

import pytest

from sage_local import (
    FunctionContext,
    MapFunction,
    OperatorError,
    OutputTag,
    PlanError,
    ProcessFunction,
    ReduceFunction,
    SerializationError,
    TumblingEventTimeWindows,
    TumblingProcessingTimeWindows,
    WatermarkStrategy,
)
from sage_local.errors import FunctionError
from sage_local.testing import OperatorHarness, Stamped
from tests.testing.harness_programs import numbered

LATE = OutputTag[tuple[str, int]]("late")
ODD = OutputTag[int]("odd")
FAILED = OutputTag("failed")
END_OF_TIME = 2**63 - 1


class Sorting(ProcessFunction):
    def process(self, value, ctx):
        yield (ODD, value) if value % 2 else value


class Lifecycle(MapFunction):
    """Appends to a file what is called."""

    def __init__(self, path: str, *, fails: bool = False) -> None:
        self.path = path
        self.fails = fails

    def note(self, what: str) -> None:
        with open(self.path, "a") as file:
            file.write(f"{what}\n")

    def open(self, context: FunctionContext) -> None:
        self.note("open")
        if self.fails:
            raise ValueError("no model")

    def map(self, value):
        return value

    def close(self) -> None:
        self.note("close")


def test_output_gives_what_came_since_the_last_call():
    with OperatorHarness(lambda stream: stream.map(lambda value: value + 1)) as harness:
        harness.push(1)
        harness.push(2, 3)
        assert harness.output() == [2, 3, 4]
        harness.push(4)
        assert harness.output() == [5]
        assert harness.output() == []


def test_neighbours_run_as_one_chain():
    def build(stream):
        return stream.map(str).flat_map(list).filter(str.isdigit).map(int)

    with OperatorHarness(build) as harness:
        harness.push(-12)
        assert harness.output() == [1, 2]


def test_records_carry_their_timestamps():
    with OperatorHarness(lambda stream: stream.map(str)) as harness:
        harness.push(1, timestamp=7)
        harness.push(2, timestamp=datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC))
        harness.push(3)
        assert harness.stamped_output() == [Stamped("1", 7), Stamped("2", 1000), Stamped("3", None)]


def test_push_all_takes_records_with_their_timestamps():
    with OperatorHarness(lambda stream: stream.map(str)) as harness:
        harness.push_all([("a", 1), ("b", 2)])
        assert harness.stamped_output() == [("a", 1), ("b", 2)]


def test_state_belongs_to_the_key():
    with OperatorHarness(numbered) as harness:
        harness.push("a", "b", "a")
        assert harness.output() == [("a", 1), ("b", 1), ("a", 2)]


def test_event_time_timers_fire_with_the_watermark():
    with OperatorHarness(numbered) as harness:
        harness.push("a", timestamp=5)
        harness.output()
        harness.watermark(104)
        assert harness.output() == []
        harness.watermark(105)
        assert harness.stamped_output() == [(("a", "EVENT", 105), 105)]
        assert harness.watermarks() == [104, 105]


def test_processing_time_timers_fire_as_the_clock_moves_each_at_its_own_time():
    with OperatorHarness(numbered, clock_ms=1_000) as harness:
        harness.push("a")
        harness.advance(50)
        harness.push("b")
        harness.output()
        harness.advance("1s")
        assert harness.output() == [("a", "PROCESSING", 1_100), ("b", "PROCESSING", 1_150)]
        assert harness.clock.now_ms() == 2_050


def test_the_end_of_input_fires_what_is_left():
    with OperatorHarness(numbered) as harness:
        harness.push("a", timestamp=1)
        harness.output()
        harness.end()
        assert harness.output() == [("a", "EVENT", 101), ("a", "PROCESSING", 100)]
        assert harness.watermarks() == [END_OF_TIME]
        with pytest.raises(RuntimeError, match="its input has ended"):
            harness.push("b")


def test_side_outputs_are_read_by_their_tag():
    with OperatorHarness(lambda stream: stream.process(Sorting())) as harness:
        harness.push(1, 2, 3, timestamp=9)
        assert harness.stamped_side_output(ODD) == [(1, 9), (3, 9)]
        assert harness.side_output(ODD) == []
        assert harness.output() == [2]


def test_windows_fire_again_for_late_records_and_side_output_the_later_ones():
    def build(stream):
        windows = stream.key_by(lambda event: event[0]).window(TumblingEventTimeWindows.of(10))
        return windows.allowed_lateness(5).side_output_late_data(LATE).sum(1)

    with OperatorHarness(build) as harness:
        harness.push_all([(("a", 1), 1), (("b", 2), 9), (("a", 4), 11)])
        harness.watermark(9)
        assert harness.stamped_output() == [(("a", 1), 9), (("b", 2), 9)]
        harness.push(("a", 10), timestamp=3)
        assert harness.output() == [("a", 11)]
        harness.watermark(14)
        harness.push(("a", 100), timestamp=3)
        assert harness.output() == []
        assert harness.side_output(LATE) == [("a", 100)]


def test_windows_of_processing_time_fire_by_the_clock():
    def build(stream):
        return stream.key_by(lambda value: value).window(TumblingProcessingTimeWindows.of("1s")).count()

    with OperatorHarness(build) as harness:
        harness.push("a", "a")
        harness.advance(999)
        assert harness.output() == []
        harness.advance(1)
        assert harness.output() == [("a", 2)]


def test_a_strategy_of_the_program_assigns_timestamps_and_watermarks():
    strategy = WatermarkStrategy.for_bounded_out_of_orderness(3).with_timestamp_assigner(lambda value: value)
    with OperatorHarness(lambda stream: stream.assign_timestamps_and_watermarks(strategy)) as harness:
        harness.push(10, 8)
        assert harness.stamped_output() == [(10, 10), (8, 8)]
        assert harness.watermarks() == [6]


def test_a_failure_is_told_as_a_job_tells_it_and_what_came_before_stays():
    with OperatorHarness(lambda stream: stream.flat_map(lambda value: [1 // value], name="invert")) as harness:
        harness.push(1)
        with pytest.raises(OperatorError) as caught:
            harness.push(0)
        assert str(caught.value).startswith(
            "operator 'invert' (subtask 1 of 1) failed on record 0: ZeroDivisionError: "
        )
        assert type(caught.value.__cause__) is ZeroDivisionError
        assert harness.output() == [1]


def test_failed_records_are_diverted_and_counted():
    with OperatorHarness(lambda stream: stream.map(lambda value: 1 // value, on_error=FAILED)) as harness:
        harness.push(1, 0, 2)
        (failed,) = harness.side_output(FAILED)
        assert (failed.record, failed.operator, failed.error.split(":")[0]) == (0, "map", "ZeroDivisionError")
        assert harness.output() == [1, 0]
        assert harness.records_failed == 1


def test_functions_are_opened_once_per_subtask_and_closed_by_the_end_of_the_block(tmp_path):
    path = tmp_path / "calls"
    with OperatorHarness(lambda stream: stream.map(Lifecycle(str(path))), parallelism=2):
        assert path.read_text() == "open\nopen\n"
    assert path.read_text() == "open\nopen\nclose\nclose\n"


def test_functions_are_closed_also_when_one_fails_to_open(tmp_path):
    path = tmp_path / "calls"
    with pytest.raises(OperatorError, match="no model"):
        OperatorHarness(lambda stream: stream.map(Lifecycle(str(path), fails=True)))
    assert path.read_text() == "open\nclose\n"


def test_a_sink_is_driven_like_any_operator(tmp_path):
    path = tmp_path / "lines"

    def write(value):
        with open(path, "a") as file:
            file.write(f"{value}\n")

    with OperatorHarness(lambda stream: stream.sink(write)) as harness:
        harness.push(1, 2)
        assert path.read_text() == "1\n2\n"


def test_a_key_that_is_none_names_the_operator():
    with (
        OperatorHarness(lambda stream: stream.key_by(lambda value: [value]).count(), parallelism=2) as harness,
        pytest.raises(OperatorError, match=r"operator 'count'.*expected a key of"),
    ):
        harness.push(1)


def test_functions_make_the_way_to_a_worker():
    lock = __import__("threading").Lock()
    with pytest.raises(SerializationError, match="create it in open"):
        OperatorHarness(lambda stream: stream.map(lambda value: (lock, value)))


class Latest(ReduceFunction):
    def reduce(self, a, b):
        return b


@pytest.mark.parametrize(
    ("build", "told"),
    [
        (lambda: None, "found one without parameters"),
        (lambda stream: None, "expected a function that returns a stream or a sink, found None"),
        (lambda stream: stream, "found 0 tasks"),
        (lambda stream: stream.map(str).key_by(str).reduce(Latest()), "found 2 tasks"),
        (lambda first, second: first.map(str), "each of its 2 streams must lead to what it returns, found 1"),
        (lambda stream: stream.map(str, parallelism=1), "has parallelism 1, and the harness 2"),
        (lambda stream: stream.process(Sorting()).side_output(ODD), r"read by side_output\(tag\) of the harness"),
    ],
)
def test_what_a_harness_can_not_drive_is_an_error_that_says_so(build, told):
    with pytest.raises(PlanError, match=told):
        OperatorHarness(build, parallelism=2)


def test_a_side_output_is_asked_for_by_its_tag():
    with (
        OperatorHarness(lambda stream: stream.map(str)) as harness,
        pytest.raises(FunctionError, match=r"side_output\(\) takes an OutputTag, found 'odd'"),
    ):
        harness.side_output("odd")
