"""A job that waits for its source: the CPU time of all its processes, and how long a Ctrl-C takes to end it."""

import signal
import subprocess
import sys
import time

import psutil
from _program import report

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


def cpu_s(tree: list[psutil.Process]) -> float:
    return sum(times.user + times.system for times in (process.cpu_times() for process in tree))


if __name__ == "__main__":
    with subprocess.Popen([sys.executable, "-c", JOB], stdout=subprocess.PIPE, text=True) as job:
        assert job.stdout is not None
        assert job.stdout.readline() == "ready\n"
        time.sleep(SETTLE_S)
        root = psutil.Process(job.pid)
        tree = [root, *root.children(recursive=True)]
        before = cpu_s(tree)
        time.sleep(WATCHED_S)
        used = cpu_s(tree) - before
        started = time.perf_counter()
        job.send_signal(signal.SIGINT)
        job.wait()
        report(seconds=WATCHED_S, records=1, cpu_share=used / WATCHED_S, interrupt_s=time.perf_counter() - started)
