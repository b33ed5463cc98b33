"""Restarts and checkpoints as users see them, with real processes."""

import itertools
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from sage_local import (
    CheckpointError,
    ConfigError,
    CoordinatorLostError,
    FileSink,
    JobError,
    LocalEnvironment,
    MapFunction,
    OperatorError,
    PlanError,
    SourceFunction,
    WorkerLostError,
)
from sage_local.runtime.codec.keys import key_groups
from sage_local.testing import Latch, ScriptedSource
from tests.eventually import eventually
from tests.recovery_programs import copy_program, read_output, write_input
from tests.runtime.launcher.conftest import await_end, site

__all__ = ["site"]

pytestmark = pytest.mark.timeout(120)


@pytest.fixture
def environment(site, tmp_path):
    """Makes environments whose jobs take checkpoints often."""

    def environment(name="job", **settings):
        config = {
            "parallelism": 2,
            "buffer.timeout": 5,
            "checkpoint.interval": "20ms",
            "checkpoint.dir": str(tmp_path / "checkpoints"),
            **{key.replace("__", "."): value for key, value in settings.items()},
        }
        return LocalEnvironment(name, {key: value for key, value in config.items() if value is not None})

    return environment


RESTARTS = {"restart__strategy": "fixed-delay", "restart__attempts": 5, "restart__delay": "1ms"}


class Mishaps:
    """Acts at given records, each time once for all processes: a file remembers."""

    def __init__(self, directory, act, *at):
        self.directory, self.act, self.at = directory, act, frozenset(at)

    def __call__(self, value):
        if value in self.at:
            marker = self.directory / f"mishap-{value}"
            if not marker.exists():
                marker.touch()
                self.act(value)
        return value


def fail(value):
    raise ValueError(f"not {value} again")


def die(value):
    time.sleep(0.1)  # let a checkpoint or two become complete first
    os.kill(os.getpid(), signal.SIGKILL)


def slow(value):
    time.sleep(0.0005)
    return value


@pytest.mark.parametrize("act", [fail, die])
@pytest.mark.parametrize("parallelism", [1, 3])
def test_collected_records_are_exact_and_in_order_over_restarts(environment, tmp_path, act, parallelism):
    env = environment(parallelism=parallelism, **RESTARTS)
    stream = env.from_collection(range(600)).map(slow).map(Mishaps(tmp_path, act, 150, 420))
    assert stream.collect() == list(range(600))


def test_keyed_state_is_exact_over_restarts(environment, tmp_path):
    env = environment(**RESTARTS)
    numbers = env.from_collection(range(600)).map(slow).map(Mishaps(tmp_path, die, 300))
    sums = numbers.key_by(lambda n: n % 7).reduce(lambda a, b: a + b).collect()
    expected = [total for key in range(7) for total in itertools.accumulate(range(key, 600, 7))]
    assert sorted(sums) == sorted(expected)


def test_windows_are_exact_over_restarts(environment, tmp_path):
    from sage_local import TumblingEventTimeWindows, WatermarkStrategy

    env = environment(**RESTARTS)
    strategy = WatermarkStrategy.for_monotonous_timestamps().with_timestamp_assigner(lambda n: n * 10)
    numbers = env.from_collection(range(1000)).map(slow).assign_timestamps_and_watermarks(strategy)
    windows = (
        numbers.map(Mishaps(tmp_path, die, 350, 800)).key_by(lambda n: n % 3).window(TumblingEventTimeWindows.of("1s"))
    )
    expected = [
        (key, sum(n for n in range(start, start + 100) if n % 3 == key))
        for key in range(3)
        for start in range(0, 1000, 100)
    ]
    assert sorted(windows.sum().collect()) == sorted(expected)


def test_the_result_tells_of_restarts_and_checkpoints(environment, tmp_path):
    env = environment(**RESTARTS)
    env.from_collection(range(300)).map(slow).map(Mishaps(tmp_path, fail, 200)).sink(FileSink(tmp_path / "out"))
    result = env.submit()
    assert result.restarts == 1
    assert result.checkpoints >= 1


def test_a_restart_is_told_on_standard_error(environment, tmp_path, capfd):
    env = environment(**RESTARTS)
    assert env.from_collection([1, 2]).map(Mishaps(tmp_path, fail, 2), name="picky").collect() == [1, 2]
    assert "sage: operator 'picky' failed (ValueError: not 2 again): restart 1 in 0.001 s" in capfd.readouterr().err


def test_when_restarts_are_used_up_the_failure_itself_comes_out(environment):
    def hopeless(n):
        raise ZeroDivisionError(f"never {n}")

    env = environment(**{**RESTARTS, "restart__attempts": 2})
    with pytest.raises(OperatorError, match="never 1"):
        env.from_collection([1]).map(hopeless).collect()


def test_without_a_strategy_a_lost_worker_is_the_end(environment, tmp_path):
    with pytest.raises(WorkerLostError, match="SIGKILL"):
        environment().from_collection(range(100)).map(Mishaps(tmp_path, die, 50)).collect()


def test_a_restart_without_checkpoints_begins_from_the_start(environment, tmp_path):
    env = environment(checkpoint__interval=None, checkpoint__dir=None, **RESTARTS)
    assert env.from_collection(range(50)).map(Mishaps(tmp_path, fail, 20)).collect() == list(range(50))


class Where(MapFunction):
    """Notes the process it runs in, once for each execution, and what it has there as shared."""

    def __init__(self, directory):
        self.directory = directory

    def open(self, context):
        self.subtask = context.subtask_index
        number = context.shared("number", lambda: time.monotonic_ns())
        with open(self.directory / f"where-{self.subtask}", "a") as file:
            file.write(f"{os.getpid()} {number}\n")

    def map(self, n):
        return n


def whereabouts(tmp_path):
    """The process and the shared object of each execution, by subtask."""
    return {path.name: path.read_text().splitlines() for path in tmp_path.glob("where-*")}


def test_workers_that_did_not_die_stay_with_what_they_have_loaded_as_shared(environment, tmp_path):
    env = environment(**RESTARTS)
    numbers = env.from_collection(range(600)).map(slow).map(Mishaps(tmp_path, die, 300), name="mishap")
    placed = numbers.key_by(lambda n: n).map(Where(tmp_path), name="where")
    assert sorted(placed.collect()) == list(range(600))
    lines = whereabouts(tmp_path).values()
    assert sorted(len(set(each)) for each in lines) == [1, 2]
    assert all(len(each) == 2 for each in lines)


def test_an_exception_costs_no_process(environment, tmp_path):
    env = environment(**RESTARTS)
    numbers = env.from_collection(range(100)).map(slow).map(Mishaps(tmp_path, fail, 20, 60))
    placed = numbers.key_by(lambda n: n).map(Where(tmp_path), name="where")
    assert sorted(placed.collect()) == list(range(100))
    assert {name: (len(each), len(set(each))) for name, each in whereabouts(tmp_path).items()} == {
        "where-0": (3, 1),
        "where-1": (3, 1),
    }


def test_a_worker_that_is_stuck_is_replaced_by_a_restart(environment, tmp_path):
    """Its neighbour is lost; it hangs in the user's function, and hears of nothing."""

    def hang(value):
        (tmp_path / "hangs").touch()
        threading.Event().wait()

    def die_beside_it(value):
        eventually((tmp_path / "hangs").exists, "the other worker")
        die(value)

    subtask = dict(zip(range(100), key_groups(list(range(100)), 2), strict=True))
    hangs, dies = (next(n for n in range(50, 100) if subtask[n] == each) for each in (0, 1))
    # What the one that hangs has for its neighbour must be on its way before.
    env = environment(**{"max-parallelism": 2}, buffer__timeout=0, **RESTARTS)
    keyed = env.from_collection(range(100)).key_by(lambda n: n).map(Mishaps(tmp_path, hang, hangs))
    assert sorted(keyed.key_by(lambda n: n).map(Mishaps(tmp_path, die_beside_it, dies)).collect()) == list(range(100))


def test_functions_are_rebuilt_by_a_restart(environment, tmp_path):
    class Counting:
        def __init__(self):
            self.seen = 0

        def __call__(self, n):
            self.seen += 1
            return self.seen

    env = environment(checkpoint__interval=None, checkpoint__dir=None, parallelism=1, **RESTARTS)
    assert env.from_collection(range(5)).map(Counting()).map(Mishaps(tmp_path, fail, 4)).collect() == [1, 2, 3, 4, 5]


def test_generators_are_replayed_by_position(environment, tmp_path):
    def numbers():
        yield from range(400)

    env = environment(**RESTARTS)
    assert env.from_generator(numbers).map(slow).map(Mishaps(tmp_path, die, 200)).collect() == list(range(400))


@pytest.mark.parametrize("kind", ["text", "json", "csv", "parquet"])
def test_files_are_exact_over_restarts(environment, tmp_path, kind):
    env = environment(**RESTARTS)
    numbers = env.from_collection(range(500)).map(slow).map(Mishaps(tmp_path, die, 250))
    numbers.map(lambda n: {"n": n}).sink(FileSink(tmp_path / "out", kind, roll_bytes=500))
    env.submit()
    assert sorted(numbers_in(tmp_path / "out")) == list(range(500))
    assert list((tmp_path / "out").rglob(".*")) == []


def numbers_in(directory):
    import csv
    import json

    from pyarrow import parquet

    for path in directory.iterdir():
        match path.suffix:
            case ".txt":
                yield from (eval(line)["n"] for line in path.read_text().splitlines())
            case ".jsonl":
                yield from (json.loads(line)["n"] for line in path.read_text().splitlines())
            case ".csv":
                yield from (int(row["n"]) for row in csv.DictReader(path.read_text().splitlines()))
            case ".parquet":
                yield from parquet.read_table(path)["n"].to_pylist()


def test_at_least_once_loses_nothing(environment, tmp_path):
    env = environment(checkpointing="at_least_once", **RESTARTS)
    numbers = env.from_collection(range(400)).rebalance().map(slow).map(Mishaps(tmp_path, die, 200))
    assert set(numbers.collect()) == set(range(400))


def checkpoints(tmp_path, name="job"):
    return sorted((tmp_path / "checkpoints" / name).glob("chk-*/MANIFEST"))


def stopped(environment, tmp_path, kill=None):
    """A job over files that was ended half way, after a checkpoint; returns the lines of the input."""
    lines = write_input(tmp_path / "in")
    handle = copying(environment(), tmp_path).submit(detach=True)
    eventually(lambda: checkpoints(tmp_path), "a checkpoint")
    kill(handle) if kill else handle.stop()
    return lines, handle


def copying(env, tmp_path):
    lines = env.from_text(str(tmp_path / "in" / "*.txt"), name="read").map(slow, name="slow")
    by_file = lines.key_by(lambda line: line.split(":")[0]).map(lambda line: line, name="by-file")
    by_file.sink(FileSink(tmp_path / "out", roll_bytes=1000), name="write")
    return env


def test_a_stopped_job_goes_on_where_it_stopped(environment, tmp_path):
    lines, handle = stopped(environment, tmp_path)
    handle.wait()
    before = read_output(tmp_path / "out")
    assert 0 < len(before) < len(lines)
    copying(environment(restore="latest"), tmp_path).submit()
    assert read_output(tmp_path / "out") == dict.fromkeys(lines, 1)


def test_a_cancelled_job_can_be_resumed(environment, tmp_path):
    lines, handle = stopped(environment, tmp_path, kill=lambda handle: handle.cancel())
    with pytest.raises(JobError):
        handle.wait()
    copying(environment(restore=str(tmp_path / "checkpoints" / "job")), tmp_path).submit()
    assert read_output(tmp_path / "out") == dict.fromkeys(lines, 1)


def test_when_the_coordinator_is_killed_its_workers_end_and_the_job_can_be_resumed(environment, tmp_path, site):
    def kill(handle):
        pids = list(site.processes())
        os.kill(site.only("sage_local.runtime.coordinator"), signal.SIGKILL)
        with pytest.raises(CoordinatorLostError):
            handle.wait()
        assert await_end(pids) == []

    lines, _ = stopped(environment, tmp_path, kill=kill)
    copying(environment(restore="latest"), tmp_path).submit()
    assert read_output(tmp_path / "out") == dict.fromkeys(lines, 1)


def test_a_finished_job_has_nothing_left_to_do_when_it_is_resumed(environment, tmp_path):
    lines = write_input(tmp_path / "in", 100)
    copying(environment(), tmp_path).submit()
    copying(environment(restore="latest"), tmp_path).submit()
    assert read_output(tmp_path / "out") == dict.fromkeys(lines, 1)


def test_resuming_the_first_time_begins_from_the_start_and_says_so(environment, tmp_path, capfd):
    assert environment(restore="latest").from_collection([1]).collect() == [1]
    assert "no checkpoint" in capfd.readouterr().err


def test_a_damaged_checkpoint_is_passed_over_for_the_one_before_and_said_to_be(environment, tmp_path, capfd):
    def cancel_behind_two(handle):
        eventually(lambda: len(checkpoints(tmp_path)) > 1, "a second checkpoint")
        handle.cancel()

    lines, handle = stopped(environment, tmp_path, kill=cancel_behind_two)
    with pytest.raises(JobError):
        handle.wait()
    newest = max(checkpoints(tmp_path), key=lambda path: int(path.parent.name.removeprefix("chk-")))
    newest.write_bytes(newest.read_bytes()[:-20])
    copying(environment(restore="latest"), tmp_path).submit()
    assert set(read_output(tmp_path / "out")) == lines
    assert "passed over for an older one" in capfd.readouterr().err


def test_an_operator_that_the_program_no_longer_has_is_named(environment, tmp_path):
    env = environment()
    env.from_collection(range(10)).key_by(lambda n: n).reduce(max, name="largest").collect()
    renamed = environment(restore="latest").from_collection(range(10)).key_by(lambda n: n).reduce(max, name="greatest")
    with pytest.raises(JobError, match=r"operator 'largest'.*'greatest'"):
        renamed.collect()


def test_state_may_be_left_behind(environment):
    environment().from_collection(range(10), name="numbers").key_by(lambda n: n).reduce(max, name="largest").collect()
    env = environment(restore="latest", **{"allow-non-restored-state": True})
    assert env.from_collection(range(3), name="others").collect() == [0, 1, 2]


def test_two_jobs_can_not_share_a_checkpoint_directory(environment, tmp_path):
    _, handle = stopped(environment, tmp_path, kill=lambda handle: None)
    with pytest.raises(JobError, match="two jobs can not share a checkpoint directory"):
        environment().from_collection([1]).collect()
    handle.cancel()
    with pytest.raises(JobError):
        handle.wait()


def test_state_that_can_not_be_pickled_is_named_with_its_operator(environment):
    def keep(a, b):
        return lambda: b

    env = environment()
    with pytest.raises(OperatorError, match=r"operator 'last'.*can not be pickled"):
        env.from_collection(range(300)).map(slow).key_by(lambda n: 0).reduce(keep, name="last").map(
            lambda f: 1
        ).collect()


def test_a_job_goes_on_when_its_checkpoint_directory_fails_and_says_so(environment, tmp_path, capfd):
    """The directory becomes a file for a while: what a full disk or a lost mount does to every write."""
    disk, file, errors, healed = tmp_path / "disk", tmp_path / "file", [], Latch()

    def mount(target):
        (tmp_path / "next").symlink_to(target)
        (tmp_path / "next").replace(tmp_path / "checkpoints")

    def is_told():
        errors.append(capfd.readouterr().err)
        return "was given up" in "".join(errors)

    disk.mkdir()
    file.touch()
    mount(disk)
    numbers = environment(parallelism=1).from_source(ScriptedSource([1, healed, 2]))
    with ThreadPoolExecutor() as caller:
        collected = caller.submit(numbers.collect)
        eventually(lambda: checkpoints(tmp_path), "a checkpoint")
        mount(file)
        eventually(is_told, "a warning")
        mount(disk)
        healed.open()
        assert collected.result() == [1, 2]


class Shouting(SourceFunction):
    def run(self, ctx):
        ctx.collect(1)


def test_a_source_that_can_not_be_read_again_is_refused_with_checkpoints(environment):
    with pytest.raises(PlanError, match=r"'shout'.*replayable"):
        environment().from_source(Shouting(), name="shout").collect()


def test_the_inline_engine_refuses_checkpoints_and_restarts(environment):
    with pytest.raises(ConfigError, match="inline takes no checkpoints"):
        environment(execution__engine="inline").from_collection([1]).collect()
    with pytest.raises(ConfigError, match="inline does not restart"):
        environment(
            execution__engine="inline", checkpoint__interval=None, checkpoint__dir=None, **RESTARTS
        ).from_collection([1]).collect()


def test_a_restore_path_without_a_checkpoint_is_an_error(environment, tmp_path):
    with pytest.raises((JobError, CheckpointError), match="no complete checkpoint"):
        environment(restore=str(tmp_path)).from_collection([1]).collect()


def test_the_command_line_resumes_a_killed_job(tmp_path, site):
    home = tmp_path / "home"
    home.mkdir()
    lines = write_input(home / "in")
    program = home / "copy.py"
    program.write_text(textwrap.dedent(copy_program(home)))
    command = [sys.executable, "-m", "sage_local", "run", "local", str(program)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as first:
        eventually(lambda: sorted((home / "checkpoints" / "copy").glob("chk-*/MANIFEST")), "a checkpoint")
        os.kill(site.only("sage_local.runtime.coordinator"), signal.SIGKILL)
        first.communicate()
    assert first.returncode == 1
    again = subprocess.run([*command[:-1], "--resume", command[-1]], capture_output=True, text=True, check=True)
    assert "restarts 0" in again.stdout
    assert read_output(home / "out") == dict.fromkeys(lines, 1)
