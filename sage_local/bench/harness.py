"""Run contestants in fresh processes, one after another in turns, and summarise what they report and cost.

A contestant is a command that does its work and prints one JSON object as its last line: ``{"seconds": s, "records":
n, ...}``, timed by itself so that interpreter start-up is counted only where it is the subject. CPU seconds and peak
memory are taken from outside, over the whole process tree, so that work moved into another process is not work saved.
"""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

import psutil

_MEMORY_SAMPLE_S = 0.1


class ContestantFailed(Exception):
    """A contestant exited with an error, or did not report."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One run: ``seconds`` and ``records`` as reported, the rest seen from outside."""

    seconds: float
    records: int
    wall_s: float
    cpu_s: float
    peak_bytes: int
    report: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Summary:
    """The median run of a contestant and how far the others were from it."""

    seconds: float
    fastest_s: float
    slowest_s: float
    records: int
    cpu_s: float
    wall_s: float
    peak_bytes: int
    report: Mapping[str, Any]


def run_once(command: Sequence[str]) -> Sample:
    """Run ``command`` to its end. Raises ``ContestantFailed`` with its standard error."""
    started = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    peak = _PeakMemory(process.pid)
    peak.start()
    before = os.times()
    out, err = process.communicate()
    wall_s = time.perf_counter() - started
    after = os.times()
    peak.finish()
    if process.returncode != 0:
        raise ContestantFailed(f"{' '.join(command)} exited with {process.returncode}:\n{err}")
    try:
        report = json.loads(out.strip().splitlines()[-1])
        seconds, records = float(report["seconds"]), int(report["records"])
    except (IndexError, KeyError, TypeError, ValueError) as error:
        raise ContestantFailed(
            f"{' '.join(command)} reported no JSON object with seconds and records, but: {out!r}"
        ) from error
    cpu_s = (after.children_user - before.children_user) + (after.children_system - before.children_system)
    return Sample(seconds, records, wall_s, cpu_s, peak.bytes, report)


class _PeakMemory(threading.Thread):
    """Samples the proportional set size of a process tree, so that shared pages count once."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self.bytes = 0
        self._process = psutil.Process(pid)
        self._done = threading.Event()

    def run(self) -> None:
        while not self._done.wait(_MEMORY_SAMPLE_S):
            self.bytes = max(self.bytes, self._tree_bytes())

    def finish(self) -> None:
        self._done.set()
        self.join()

    def _tree_bytes(self) -> int:
        try:
            return sum(_pss(each) for each in (self._process, *self._process.children(recursive=True)))
        except psutil.NoSuchProcess:
            return 0


def _pss(process: psutil.Process) -> int:
    try:
        return int(process.memory_full_info().pss)
    except (psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess):
        return 0


def interleave(contestants: Mapping[str, Sequence[str]], repetitions: int) -> dict[str, Summary]:
    """Run every contestant ``repetitions`` times in turns (a b c a b c …): a slow minute hits all alike."""
    samples: dict[str, list[Sample]] = {name: [] for name in contestants}
    for _ in range(repetitions):
        for name, command in contestants.items():
            samples[name].append(run_once(command))
    return {name: summarise(runs) for name, runs in samples.items()}


def summarise(runs: Sequence[Sample]) -> Summary:
    """Medians of each measure over ``runs`` (at least one); ``report`` is that of the median run by seconds."""
    seconds = [run.seconds for run in runs]
    middle = sorted(runs, key=lambda run: run.seconds)[len(runs) // 2]
    return Summary(
        seconds=median(seconds),
        fastest_s=min(seconds),
        slowest_s=max(seconds),
        records=middle.records,
        cpu_s=median(run.cpu_s for run in runs),
        wall_s=median(run.wall_s for run in runs),
        peak_bytes=max(run.peak_bytes for run in runs),
        report=middle.report,
    )


def machine() -> dict[str, Any]:
    """What a figure must be read with: processor, cores, memory, kernel, interpreter."""
    return {
        "cpu": _cpu_model(),
        "cpus": len(os.sched_getaffinity(0)),
        "memory_bytes": psutil.virtual_memory().total,
        "kernel": os.uname().release,
        "python": sys.version.split()[0],
    }


def _cpu_model() -> str:
    with open("/proc/cpuinfo", encoding="utf-8") as lines:
        for line in lines:
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return os.uname().machine
