"""Restarts as users see them, with real processes."""

import itertools
import os
import threading
import time

import pytest

from sage_local import (
    FileSink,
    MapFunction,
    OperatorError,
    TumblingEventTimeWindows,
    WatermarkStrategy,
    WorkerLostError,
)
from sage_local.runtime.codec.keys import key_groups
from tests.eventually import eventually
from tests.recovery.programs import RESTARTS, Mishaps, die, fail, slow

pytestmark = pytest.mark.timeout(120)


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
