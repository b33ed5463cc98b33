"""Jobs with 100 MB of keyed state, whose workers note what the engine does in them: for ``checkpoints.py``."""

import json
import os
import time
from collections.abc import Callable
from functools import partial, wraps
from pathlib import Path
from typing import Any

from sage_local.functions import AggregateFunction, KeyedProcessFunction, SinkFunction, SourceFunction
from sage_local.functions.state import ValueStateDescriptor

KEYS = 200_000
PAYLOAD = "x" * 450
WORKERS = 2
HOT = KEYS // 100
BATCH = 500
MARK = 2_000
"""Records between two looks at the clock."""
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
            self.marks.write(json.dumps([start, time.monotonic(), time.process_time(), own_s()]) + "\n")
        hot = HOT // WORKERS // 2
        first = int(time.monotonic() * hot)
        return [((first + n * 7919 % hot) % loaded * WORKERS + self.split, n) for n in range(start, stop)]

    def snapshot(self) -> int:
        """Where it is."""
        return self.n

    def close(self) -> None:
        """The marks are all that is held."""
        self.marks.close()


def own_s() -> float:
    """The clock of this thread: it stands still while the core is another process's, but not for other threads' work.

    Waits for a lock, the disk and peers are in it. On a machine with other load it says what the job itself takes.
    """
    with open("/proc/thread-self/schedstat") as file:
        queued_ns = int(file.read().split()[1])
    return time.monotonic() - queued_ns / 1e9 + time.process_time() - time.thread_time()


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
            wall, own, cpu = time.monotonic(), own_s(), time.thread_time()
            worked = original(*arguments)
            cpu_taken = time.thread_time() - cpu
            self.note("pause", time.monotonic() - wall, own_s() - own, cpu_taken)
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


def counting_job(folder: Path, source: Updates, **config: Any) -> Any:
    from sage_local import LocalEnvironment

    settings = {"parallelism": WORKERS, "incremental": True, **config}
    if "checkpoint.interval" in config:
        settings["checkpoint.dir"] = str(folder / "checkpoints")
    env = LocalEnvironment("checkpoints", settings)
    updates = env.from_source(source, name="updates").key_by(lambda record: record[0])
    updates.process(Count(str(folder)), name="count").sink(First(str(folder)), name="results")
    return env


def windows_job(folder: Path, source: Updates, **config: Any) -> Any:
    """One window of which no record has an end, and one result of each key behind the last record."""
    from sage_local import LocalEnvironment, TumblingEventTimeWindows, WatermarkStrategy

    settings = {"parallelism": WORKERS, "incremental": True, "checkpoint.dir": str(folder / "checkpoints"), **config}
    env = LocalEnvironment("checkpoints", settings)
    times = WatermarkStrategy.for_monotonous_timestamps().with_timestamp_assigner(lambda record: record[1])
    updates = env.from_source(source, name="updates").assign_timestamps_and_watermarks(times)
    counts = updates.key_by(lambda record: record[0]).window(TumblingEventTimeWindows.of("365d")).aggregate(Window())
    counts.map(lambda counted: (*counted, 0)).sink(First(str(folder)), name="results")
    return env


def noted(folder: Path) -> list[list[Any]]:
    """All that the workers have noted, in the order of time."""
    lines = [line for file in folder.glob("probe-*.jsonl") for line in file.read_text().splitlines(keepends=True)]
    return sorted((json.loads(line) for line in lines if line.endswith("\n")), key=lambda note: note[1])
