"""Checkpoints beside running work, and what a crash costs: 100 MB of keyed state, of which 1 % changes in a second.

The job fills its state first, a record per key. Then every record updates one key out of a few, which move on, so that
every second meets a hundredth of all keys. Throughput is that of the time in which the state is full, has been written
once, and nothing comes to its end: both contestants are looked at in the same seconds of their lives.

    sage bench run benchmarks/checkpoints.py
"""

import json
import os
import random
import signal
import time
from bisect import bisect
from collections.abc import Callable
from contextlib import suppress
from functools import partial, wraps
from itertools import pairwise
from operator import itemgetter
from pathlib import Path
from statistics import median, quantiles
from typing import Any

from sage_local.bench.compete import compete
from sage_local.bench.workload import Figure, Round, Timed, Workload, expect, ratio, sage
from sage_local.errors import JobError
from sage_local.functions import AggregateFunction, KeyedProcessFunction, SinkFunction, SourceFunction
from sage_local.functions.state import ValueStateDescriptor

KEYS = 200_000
PAYLOAD = "x" * 450
WORKERS = 2
HOT = KEYS // 100
BATCH = 500
MARK = 2_000
"""Records between two looks at the clock."""
SETTLING_S = 2.5
"""From the last record of the load on: what it has filled is in a checkpoint by then."""
Record = tuple[int, int]
"""A key, and how often it will have been seen."""


class Updates(SourceFunction[Record]):
    """One split per worker: all of its keys once, then ``records`` updates, at most ``per_s`` in a second.

    Without ``per_s`` the keys follow the clock, and ``folder`` gets to know when how many were read.
    """

    def __init__(self, folder: Path, records: int, per_s: int | None = None) -> None:
        self.folder = folder
        self.records = records
        self.per_s = per_s

    def splits(self) -> list[int]:
        """Split ``s`` has the keys that leave ``s`` over."""
        return list(range(WORKERS))

    def open_split(self, split: int, position: Any = None) -> Any:
        """From the start, or from behind what was read."""
        return Reader(split, self.records // WORKERS, self.per_s, position or 0, self.folder)


class Reader:
    """With ``per_s``, record ``n`` is a function of ``n``, so a replay has the same."""

    def __init__(self, split: int, records: int, per_s: int | None, position: int, folder: Path) -> None:
        self.split = split
        self.end = KEYS // WORKERS + records
        self.per_s = per_s
        self.n = position
        self.due_s = time.monotonic()
        self.marks = open(folder / f"marks-{split}.jsonl", "a", buffering=1)  # noqa: SIM115  # open as long as the process

    def poll(self, max_records: int) -> list[Record] | None:
        """The next ones."""
        if self.n >= self.end:
            return None
        stop = min(self.n + min(max_records, BATCH), self.end)
        loaded = KEYS // WORKERS
        if self.n < loaded:
            stop = min(stop, loaded)
        elif self.per_s is not None:
            if time.monotonic() < self.due_s:
                return []
            self.due_s = max(self.due_s, time.monotonic() - 0.1) + (stop - self.n) * WORKERS / self.per_s
        self.n, start = stop, self.n
        if self.per_s is not None or start < loaded:
            return [(record_key(n, loaded) * WORKERS + self.split, n) for n in range(start, stop)]
        if start // MARK != stop // MARK:
            self.marks.write(json.dumps([start, time.monotonic(), time.process_time()]) + "\n")
        hot = HOT // WORKERS // 2
        first = int(time.monotonic() * hot)
        return [((first + n * 7919 % hot) % loaded * WORKERS + self.split, n) for n in range(start, stop)]

    def snapshot(self) -> int:
        """Where it is."""
        return self.n

    def close(self) -> None:
        """The marks are all that is held."""
        self.marks.close()


def record_key(n: int, loaded: int) -> int:
    """The ``n``-th record's key among those of its split."""
    if n < loaded:
        return n
    return ((n - loaded) // 10_000 * (HOT // WORKERS) + n * 7919 % (HOT // WORKERS)) % loaded


class Count(KeyedProcessFunction[int, Record, Record]):
    """Counts the records of each key, beside a payload that makes the state as large as it is."""

    def __init__(self, folder: str) -> None:
        self.folder = folder

    def open(self, context: Any) -> None:
        """Also begins to watch what the engine does in this process."""
        self.state = context.state(ValueStateDescriptor("seen"))
        self.probe = context.shared("probe", partial(Probe, self.folder))
        self.probe.note("open", time.thread_time())

    def process(self, value: Record, ctx: Any) -> Any:
        """``(key, n, count)``."""
        found = self.state.value()
        seen = 1 if found is None else found[0] + 1
        self.state.update((seen, PAYLOAD + str(value[0])))
        yield value[0], value[1], seen


class Probe:
    """Notes what the engine does in a worker: moments, and how long each stretch of snapshot work takes."""

    def __init__(self, folder: str) -> None:
        from sage_local.runtime.worker.main import Worker
        from sage_local.runtime.worker.snapshot_writer import ThreadedWriter
        from sage_local.runtime.worker.task_checkpoints import TaskCheckpoints

        self.file = open(f"{folder}/probe-{os.getpid()}.jsonl", "a", buffering=1)  # noqa: SIM115  # open as long as the process
        _before(Worker, "_stand_by", lambda *_: self.note("told"))
        _before(Worker, "_deploy", lambda *_: self.note("deployed", time.thread_time()))
        _before(ThreadedWriter, "write", lambda _, path, parts, *__: self.note("file", sum(map(len, parts)), path))
        for name in ("take", "advance"):
            self._time(TaskCheckpoints, name)

    def note(self, what: str, *values: object) -> None:
        """Write a line."""
        self.file.write(json.dumps([what, time.monotonic(), *values]) + "\n")

    def _time(self, owner: type, name: str) -> None:
        original = getattr(owner, name)

        @wraps(original)
        def timed(*arguments: Any) -> Any:
            if name == "advance" and arguments[0]._taking is None:
                return False
            wall, cpu = time.monotonic(), time.thread_time()
            worked = original(*arguments)
            self.note("pause", time.monotonic() - wall, time.thread_time() - cpu)
            return worked

        setattr(owner, name, timed)


def _before(owner: type, name: str, act: Callable[..., object]) -> None:
    original = getattr(owner, name)

    @wraps(original)
    def wrapped(*arguments: Any) -> Any:
        act(*arguments)
        return original(*arguments)

    setattr(owner, name, wrapped)


class Window(AggregateFunction[Record, tuple[int, str], int]):
    """Counts as ``Count`` does, in the accumulator of a window."""

    def create_accumulator(self) -> tuple[int, str]:
        """Nothing was seen, but there is a payload."""
        return 0, ""

    def add(self, value: Record, accumulator: tuple[int, str]) -> tuple[int, str]:
        """One more."""
        return accumulator[0] + 1, PAYLOAD + str(value[0])

    def get_result(self, accumulator: tuple[int, str]) -> int:
        """The count."""
        return accumulator[0]


class First(SinkFunction[Any]):
    """Notes the first result of each execution behind the load."""

    def __init__(self, folder: str) -> None:
        self.folder = folder

    def open(self, context: Any) -> None:
        """Nothing was seen yet."""
        self.probe = context.shared("probe", partial(Probe, self.folder))
        self.is_first = True

    def write(self, value: tuple[int, int, int]) -> None:
        """Whether the count is right can be told by the number of the record."""
        if self.is_first and value[1] >= KEYS // WORKERS:
            self.is_first = False
            self.probe.note("first", *value)


def _job(folder: Path, source: Updates, **config: Any) -> Any:
    from sage_local import LocalEnvironment

    settings = {"parallelism": WORKERS, "incremental": True, **config}
    if "checkpoint.interval" in config:
        settings["checkpoint.dir"] = str(folder / "checkpoints")
    env = LocalEnvironment("checkpoints", settings)
    updates = env.from_source(source, name="updates").key_by(lambda record: record[0])
    updates.process(Count(str(folder)), name="count").sink(First(str(folder)), name="results")
    return env


def _windows_job(folder: Path, source: Updates, **config: Any) -> Any:
    """One window of which no record has an end, and one result of each key behind the last record."""
    from sage_local import LocalEnvironment, TumblingEventTimeWindows, WatermarkStrategy

    settings = {"parallelism": WORKERS, "incremental": True, "checkpoint.dir": str(folder / "checkpoints"), **config}
    env = LocalEnvironment("checkpoints", settings)
    times = WatermarkStrategy.for_monotonous_timestamps().with_timestamp_assigner(lambda record: record[1])
    updates = env.from_source(source, name="updates").assign_timestamps_and_watermarks(times)
    counts = updates.key_by(lambda record: record[0]).window(TumblingEventTimeWindows.of("365d")).aggregate(Window())
    counts.map(lambda counted: (*counted, 0)).sink(First(str(folder)), name="results")
    return env


def _notes(folder: Path) -> list[list[Any]]:
    """All that the workers have noted, in the order of time."""
    lines = [line for file in folder.glob("probe-*.jsonl") for line in file.read_text().splitlines(keepends=True)]
    return sorted((json.loads(line) for line in lines if line.endswith("\n")), key=lambda note: note[1])


def _fresh(folder: Path) -> Path:
    run = folder / f"run-{os.getpid()}"
    run.mkdir()
    return run


def without(folder: Path, records: int) -> Timed:
    """No checkpoint is taken."""
    folder = _fresh(folder)
    return _timed(folder, records, _job(folder, Updates(folder, records), incremental=False))


def every_second(folder: Path, records: int) -> Timed:
    """One is, every second."""
    folder = _fresh(folder)
    return _timed(folder, records, _job(folder, Updates(folder, records), **{"checkpoint.interval": "1s"}))


def of_windows(folder: Path, records: int) -> Timed:
    """One is, every second, of state in windows."""
    folder = _fresh(folder)
    return _timed(folder, records, _windows_job(folder, Updates(folder, records), **{"checkpoint.interval": "1s"}))


def _timed(folder: Path, records: int, job: Any) -> Timed:
    result = job.submit()
    rate, cpu_s, since_s = _steady(folder)
    measures: dict[str, float] = {"checkpoints": result.checkpoints, "cpu_per_record_s": cpu_s}
    everything = _notes(folder)
    notes = [note for note in everything if note[1] > since_s]
    pauses = [note[2:] for note in notes if note[0] == "pause"]
    if len(pauses) > 1:
        for name, taken in zip(("pause", "pause_cpu"), zip(*pauses, strict=True), strict=True):
            measures[f"{name}_p99_s"] = quantiles(taken, n=100)[98]
            measures[f"{name}_max_s"] = max(taken)
    files = [note[2:] for note in notes if note[0] == "file"]
    deltas = [size for size, path in files if "chk-" in path and size > 10_000]
    if deltas:
        measures["delta_bytes"] = median(deltas) * WORKERS
        measures["whole_bytes"] = max(note[2] for note in everything if note[0] == "file") * WORKERS
    return Timed(result.operators[-1].records_in - KEYS, records / rate, measures)


def _steady(folder: Path) -> tuple[float, float, float]:
    """Records per second, CPU time of a record, and since when, where the first split has not come to its end.

    Medians of seconds, so that what else happens on the machine in one of them is nothing to the others.
    """
    splits = [[json.loads(line) for line in path.read_text().splitlines()] for path in folder.glob("marks-*.jsonl")]
    since_s = max(marks[0][1] for marks in splits) + SETTLING_S
    seconds = int(min(marks[-1][1] for marks in splits) - since_s)
    if seconds < 1:
        raise ValueError(f"too few records: all were read {SETTLING_S} s after the state was full")
    looks = [[_look(marks, since_s + second) for second in range(seconds + 1)] for marks in splits]
    rates, cpu_of_records = [], []
    for before, after in pairwise(zip(*looks, strict=True)):
        records, cpu_s = (sum(b[i] - a[i] for a, b in zip(before, after, strict=True)) for i in range(2))
        rates.append(records)
        cpu_of_records.append(cpu_s / records)
    return median(rates), median(cpu_of_records), since_s


def _look(marks: list[list[float]], at_s: float) -> tuple[float, float]:
    """How many records there were by then, and what CPU time the worker had taken."""
    after = bisect(marks, at_s, key=itemgetter(1))
    (n, a_s, cpu_s), (m, b_s, later_cpu_s) = marks[after - 1 : after + 1]
    share = (at_s - a_s) / (b_s - a_s)
    return n + share * (m - n), cpu_s + share * (later_cpu_s - cpu_s)


def check_amount(folder: Path, records: int, found: int) -> None:
    """Every update has reached the sink."""
    expect("updates", records // WORKERS * WORKERS, found)


def check_windows(folder: Path, records: int, found: int) -> None:
    """Every key has its result."""
    expect("results", 0, found)


def killed(folder: Path, records: int) -> Timed:
    """A worker is, when some checkpoints hold the whole state."""
    folder = _fresh(folder)
    config = {
        "checkpoint.interval": "1s",
        "restart.strategy": "fixed-delay",
        "restart.delay": "1ms",
        "restart.attempts": 3,
    }
    handle = _job(folder, Updates(folder, 10**9, per_s=records), **config).submit(detach=True)
    _wait(lambda: any(note[0] == "first" for note in _notes(folder)))
    done = len(list(folder.glob("checkpoints/*/chk-*/MANIFEST")))
    latest = _latest(folder)
    _wait(lambda: _latest(folder) >= latest + 2 + done)
    time.sleep(random.uniform(0, 1))
    pid = random.choice(_pids(folder))
    killed_s = time.monotonic()
    os.kill(pid, signal.SIGKILL)
    _wait(lambda: _after(folder, killed_s).count("first") >= WORKERS)
    handle.cancel()
    with suppress(JobError):
        handle.wait()
    notes = [note for note in _notes(folder) if note[1] > killed_s]
    told, deployed = (next(note[1] for note in notes if note[0] == what) for what in ("told", "deployed"))
    first = next(note for note in notes if note[0] == "first" and note[1] > deployed)
    opened = max(note[1] for note in notes if note[0] == "open" and note[1] < first[1])
    restore_cpu_s = max(_cpu_of_restore(folder / f"probe-{pid}.jsonl", killed_s) for pid in _pids(folder))
    split = {"detect_s": told - killed_s, "restart_s": deployed - told, "restore_s": opened - deployed}
    split |= {"replay_s": first[1] - opened, "recovery_s": first[1] - killed_s, "restore_cpu_s": restore_cpu_s}
    return Timed([note[2:] for note in notes if note[0] == "first" and note[1] > deployed], split["recovery_s"], split)


def _pids(folder: Path) -> list[int]:
    return [int(path.stem.removeprefix("probe-")) for path in folder.glob("probe-*")]


def _cpu_of_restore(probe: Path, since_s: float) -> float:
    """From being deployed to its first ``open``; of a new process, that of its whole life until then."""
    notes = [note for note in map(json.loads, probe.read_text().splitlines()) if note[1] > since_s]
    opened = next((note[2] for note in notes if note[0] == "open"), 0.0)
    return opened - next((note[2] for note in notes if note[0] == "deployed"), 0.0)


def _latest(folder: Path) -> int:
    paths = folder.glob("checkpoints/*/chk-*/MANIFEST")
    return max((int(path.parent.name.removeprefix("chk-")) for path in paths), default=0)


def _after(folder: Path, moment_s: float) -> list[str]:
    notes = [note for note in _notes(folder) if note[1] > moment_s]
    deployed = min((note[1] for note in notes if note[0] == "deployed"), default=float("inf"))
    return [note[0] for note in notes if note[1] > deployed]


def _wait(condition: Callable[[], bool]) -> None:
    for _ in range(6000):
        if condition():
            return
        time.sleep(0.02)
    raise TimeoutError("two minutes were not enough")


def check_counts(folder: Path, records: int, firsts: list[tuple[int, int, int]]) -> None:
    """After the restart every worker's first result counts what was before it, and nothing twice."""
    loaded = KEYS // WORKERS
    for key, n, seen in firsts:
        before = sum(record_key(each, loaded) == key // WORKERS for each in range(n + 1))
        expect(f"count of key {key} at record {n}", before, seen)


def _of(measure: str, scale: float = 1.0) -> Callable[[Round], float]:
    return lambda the: the("every second", measure) * scale


def _took(measure: str, scale: float = 1.0) -> Callable[[Round], float]:
    return lambda the: the("a worker", measure) * scale


PAUSES = (
    Figure("pause p99, ms", _of("pause_p99_s", 1e3), goal=10, at_most=True),
    Figure("pause p99 in CPU time, ms", _of("pause_cpu_p99_s", 1e3)),
    Figure("longest pause in CPU time, ms", _of("pause_cpu_max_s", 1e3)),
    Figure(
        "bytes of a checkpoint / 1 % of the state",
        lambda the: the("every second", "delta_bytes") / the("every second", "whole_bytes") * 100,
        goal=2.5,
        at_most=True,
    ),
    Figure("MB of state", _of("whole_bytes", 1e-6)),
)

WORKLOADS = (
    Workload(
        name="checkpoints",
        title="a checkpoint every second, 100 MB of state, 1 % of keys changed per second",
        records=6_000_000,
        check=check_amount,
        contestants={"none": sage(without), "every second": sage(every_second)},
        figures=(
            Figure(
                "throughput / that without",
                lambda the: the("none", "seconds") / the("every second", "seconds"),
                goal=0.97,
            ),
            ratio("cpu_per_record_s", "none", "every second", name="CPU of a record without / CPU of a record"),
            *PAUSES,
        ),
    ),
    Workload(
        name="checkpoints_of_windows",
        title="a checkpoint every second, 100 MB of state in windows, 1 % of keys changed per second",
        records=8_000_000,
        check=check_windows,
        contestants={"every second": sage(of_windows)},
        figures=PAUSES,
    ),
    Workload(
        name="recovery",
        title="SIGKILL of a worker with 100 MB of state to the first result",
        records=20_000,
        check=check_counts,
        contestants={"a worker": sage(killed)},
        figures=(
            Figure("kill to first correct result, s", _took("recovery_s"), goal=1, at_most=True),
            Figure("detect, ms", _took("detect_s", 1e3)),
            Figure("restart, ms", _took("restart_s", 1e3)),
            Figure("restore, ms", _took("restore_s", 1e3)),
            Figure("restore, CPU ms of the slower worker", _took("restore_cpu_s", 1e3)),
            Figure("replay, ms", _took("replay_s", 1e3)),
        ),
    ),
)

if __name__ == "__main__":
    compete(WORKLOADS)
