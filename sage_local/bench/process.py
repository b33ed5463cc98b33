"""One process from its start to its end, and what it cost.

CPU seconds and peak memory are taken from outside, over the whole tree of processes, so that work moved into another
process is not work saved.
"""

import os
import resource
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import psutil

_MEMORY_SAMPLE_S = 0.1


@dataclass(frozen=True, slots=True)
class Run:
    """How a process ended and what it wrote; ``cpu_s`` and ``peak_bytes`` are those of its whole tree."""

    exit_code: int
    stdout: str
    stderr: str
    wall_s: float
    cpu_s: float
    peak_bytes: int


def run_process(command: Sequence[str], environment: Mapping[str, str] | None = None) -> Run:
    """Run ``command`` to its end, with ``environment`` on top of ours. One at a time in this process."""
    cpu_before_s = _children_cpu_s()
    started = time.perf_counter()
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, **(environment or {})}
    )
    peak = _PeakMemory(process.pid)
    peak.start()
    try:
        stdout, stderr = process.communicate()
    finally:
        process.wait()
        wall_s = time.perf_counter() - started
        peak.finish()
    return Run(process.returncode, stdout, stderr, wall_s, _children_cpu_s() - cpu_before_s, peak.bytes)


def _children_cpu_s() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


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
