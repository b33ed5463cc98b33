"""A job that waits for its source: the CPU time of all its processes, and how long a Ctrl-C takes to end it."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil

from sage_local.bench.compete import compete
from sage_local.bench.workload import Figure, Timed, Workload, expect, sage

JOB = """\
import time
from sage_local import LocalEnvironment
def wait():
    yield "ready"
    time.sleep(3600)
env = LocalEnvironment("idle", config={"parallelism": 2})
env.from_generator(wait).map(str).print()
env.submit()
"""
SETTLE_S = 1.0
WATCHED_S = 5.0


def check(folder: Path, records: int, exit_code: int) -> None:
    """The job drained and ended in order."""
    expect("exit code", 0, exit_code)


def idle(folder: Path, records: int) -> Timed:
    """Ours."""
    with subprocess.Popen(
        [sys.executable, "-c", JOB], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as job:
        assert job.stdout is not None
        job.stdout.readline()
        time.sleep(SETTLE_S)
        root = psutil.Process(job.pid)
        tree = [root, *root.children(recursive=True)]
        before_s = _cpu_s(tree)
        time.sleep(WATCHED_S)
        used_s = _cpu_s(tree) - before_s
        started = time.perf_counter()
        job.send_signal(signal.SIGINT)
        job.wait()
        interrupt_s = time.perf_counter() - started
    return Timed(job.returncode, WATCHED_S, {"cpu_share": used_s / WATCHED_S, "interrupt_s": interrupt_s})


def _cpu_s(tree: list[psutil.Process]) -> float:
    return sum(times.user + times.system for times in (process.cpu_times() for process in tree))


WORKLOADS = (
    Workload(
        name="idle",
        title="an idle job, and Ctrl-C",
        records=1,
        check=check,
        contestants={"2 workers": sage(idle)},
        figures=(
            Figure("CPU share of a core", lambda the: the("2 workers", "cpu_share"), goal=0.01, at_most=True),
            Figure("Ctrl-C to exit, s", lambda the: the("2 workers", "interrupt_s"), goal=1, at_most=True),
        ),
    ),
)

if __name__ == "__main__":
    compete(WORKLOADS)
