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
from itertools import pairwise
from operator import itemgetter
from pathlib import Path
from statistics import median, quantiles
from typing import Any

from _stateful_jobs import KEYS, WORKERS, Updates, counting_job, noted, record_key, windows_job

from sage_local.bench.compete import compete
from sage_local.bench.workload import Figure, Round, Timed, Workload, expect, ratio, sage
from sage_local.errors import JobError

SETTLING_S = 2.5
"""From the last record of the load on: what it has filled is in a checkpoint by then."""


def _fresh(folder: Path) -> Path:
    run = folder / f"run-{os.getpid()}"
    run.mkdir()
    return run


def without(folder: Path, records: int) -> Timed:
    """No checkpoint is taken."""
    folder = _fresh(folder)
    return _timed(folder, records, counting_job(folder, Updates(folder, records), incremental=False))


def every_second(folder: Path, records: int) -> Timed:
    """One is, every second."""
    folder = _fresh(folder)
    return _timed(folder, records, counting_job(folder, Updates(folder, records), **{"checkpoint.interval": "1s"}))


def of_windows(folder: Path, records: int) -> Timed:
    """One is, every second, of state in windows."""
    folder = _fresh(folder)
    return _timed(folder, records, windows_job(folder, Updates(folder, records), **{"checkpoint.interval": "1s"}))


def _timed(folder: Path, records: int, job: Any) -> Timed:
    result = job.submit()
    rate, cpu_s, own_s, since_s = _steady(folder)
    measures = {"checkpoints": result.checkpoints, "cpu_per_record_s": cpu_s, "own_per_record_s": own_s}
    everything = noted(folder)
    notes = [note for note in everything if note[1] > since_s]
    pauses = [note[2:] for note in notes if note[0] == "pause"]
    if len(pauses) > 1:
        for name, taken in zip(("pause", "pause_own", "pause_cpu"), zip(*pauses, strict=True), strict=True):
            measures[f"{name}_p99_s"] = quantiles(taken, n=100)[98]
            measures[f"{name}_max_s"] = max(taken)
    files = [note[2:] for note in notes if note[0] == "file"]
    deltas = [size for size, path in files if "chk-" in path and size > 10_000]
    if deltas:
        measures["delta_bytes"] = median(deltas) * WORKERS
        measures["whole_bytes"] = max(note[2] for note in everything if note[0] == "file") * WORKERS
    return Timed(result.operators[-1].records_in - KEYS, records / rate, measures)


def _steady(folder: Path) -> tuple[float, float, float, float]:
    """Records per second, CPU and own time of a record, and since when, where no split has come to its end.

    Medians of seconds, so that what else happens on the machine in one of them is nothing to the others.
    """
    splits = [[json.loads(line) for line in path.read_text().splitlines()] for path in folder.glob("marks-*.jsonl")]
    since_s = max(marks[0][1] for marks in splits) + SETTLING_S
    seconds = int(min(marks[-1][1] for marks in splits) - since_s)
    if seconds < 1:
        raise ValueError(f"too few records: all were read {SETTLING_S} s after the state was full")
    looks = [[_look(marks, since_s + second) for second in range(seconds + 1)] for marks in splits]
    each = []
    for before, after in pairwise(zip(*looks, strict=True)):
        records, cpu_s, own_s = (sum(b[i] - a[i] for a, b in zip(before, after, strict=True)) for i in range(3))
        each.append((records, cpu_s / records, own_s / records))
    rate, cpu_of_record_s, own_of_record_s = map(median, zip(*each, strict=True))
    return rate, cpu_of_record_s, own_of_record_s, since_s


def _look(marks: list[list[float]], at_s: float) -> list[float]:
    """How many records there were by then, and what CPU and own time the worker had taken."""
    after = bisect(marks, at_s, key=itemgetter(1))
    (n, a_s, *taken), (m, b_s, *later) = marks[after - 1 : after + 1]
    share = (at_s - a_s) / (b_s - a_s)
    return [a + share * (b - a) for a, b in zip((n, *taken), (m, *later), strict=True)]


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
    handle = counting_job(folder, Updates(folder, 10**9, per_s=records), **config).submit(detach=True)
    _wait(lambda: any(note[0] == "first" for note in noted(folder)))
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
    notes = [note for note in noted(folder) if note[1] > killed_s]
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
    notes = [note for note in noted(folder) if note[1] > moment_s]
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
    Figure("pause p99 in the job's own time, ms", _of("pause_own_p99_s", 1e3), goal=10, at_most=True),
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
            Figure(
                "throughput / that without, in the job's own time",
                lambda the: the("none", "own_per_record_s") / the("every second", "own_per_record_s"),
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
