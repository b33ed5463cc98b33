"""One process from its start to its end, and what it cost.

CPU seconds and peak memory are taken from outside, over the whole tree of processes, so that work moved into another
process is not work saved.
"""

import os
import resource
import signal
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import psutil

_MEMORY_SAMPLE_S = 0.1
_SAMPLING_SHARE = 0.01
"""Of a core. Five processes cost 9 ms a sample: ten times a second, it would be seen in p99 of a latency."""
_LEAST_PRIORITY = 19
_PATIENCE_S = 30
"""For a job that drains."""


@dataclass(frozen=True, slots=True)
class Run:
    """How a process ended and what it wrote; ``cpu_s`` and ``peak_bytes`` are those of its whole tree.

    ``was_interrupted``: it was still running at its limit.
    """

    exit_code: int
    stdout: str
    stderr: str
    wall_s: float
    cpu_s: float
    peak_bytes: int
    was_interrupted: bool = False


def run_process(
    command: Sequence[str],
    environment: Mapping[str, str] | None = None,
    *,
    stdout: int = subprocess.PIPE,
    limit_s: float | None = None,
) -> Run:
    """Run ``command`` to its end, with ``environment`` on top of ours. One at a time in this process.

    After ``limit_s`` it is sent SIGINT, and SIGKILL if it does not end by that.
    """
    cpu_before_s = _children_cpu_s()
    started = time.perf_counter()
    process = subprocess.Popen(
        command, stdout=stdout, stderr=subprocess.PIPE, text=True, env={**os.environ, **(environment or {})}
    )
    peak = _PeakMemory(process.pid)
    peak.start()
    try:
        out, err, was_interrupted = _communicate(process, limit_s)
    except BaseException:
        # Ctrl-C, or a signal that ends us: nobody waits for the result.
        _ended(process)
        raise
    finally:
        process.wait()
        wall_s = time.perf_counter() - started
        peak.finish()
    cpu_s = _children_cpu_s() - cpu_before_s
    return Run(process.returncode, out or "", err, wall_s, cpu_s, peak.bytes, was_interrupted)


def _communicate(process: subprocess.Popen[str], limit_s: float | None) -> tuple[str, str, bool]:
    try:
        return *process.communicate(timeout=limit_s), False
    except subprocess.TimeoutExpired:
        return *_ended(process), True


def _ended(process: subprocess.Popen[str]) -> tuple[str, str]:
    process.send_signal(signal.SIGINT)
    try:
        return process.communicate(timeout=_PATIENCE_S)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.communicate()


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
        # Of this thread alone: who is measured does not wait for it.
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _LEAST_PRIORITY)
        pause_s = _MEMORY_SAMPLE_S
        while not self._done.wait(pause_s):
            before_s = time.thread_time()
            self.bytes = max(self.bytes, self._tree_bytes())
            pause_s = max(_MEMORY_SAMPLE_S, (time.thread_time() - before_s) / _SAMPLING_SHARE)

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
