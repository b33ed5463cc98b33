"""From a worker's end to the other worker knowing: SIGKILL again and again to a job that restarts, ``deaths.py KILLS``.

Counted from the kernel's own event, the pidfd of the killed worker becoming readable, to the ``close`` of a function in
the worker that was spared: the coordinator has been told, has decided, and has told it, which has left its work.
"""

import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import quantiles

from _program import report

PATIENCE_S = 60
JOB = """\
import os, socket, sys, time
from sage_local import LocalEnvironment, MapFunction

class Witness(MapFunction):
    def tell(self, what):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as teller:
            teller.sendto(f"{what} {os.getpid()} {time.monotonic_ns()}".encode(), sys.argv[1])

    def open(self, context):
        self.tell("open")

    def map(self, value):
        return value

    def close(self):
        self.tell("close")

def numbers():
    while True:
        yield 0
        time.sleep(0.001)

restarts = {"restart.strategy": "fixed-delay", "restart.attempts": 1_000_000, "restart.delay": "1ms"}
env = LocalEnvironment("deaths", config={"parallelism": 2, **restarts})
env.from_generator(numbers).rebalance().map(Witness()).sink(lambda value: None)
env.submit()
"""


def hear(ear: socket.socket) -> tuple[str, int, int]:
    what, pid, time_ns = ear.recv(100).split()
    return what.decode(), int(pid), int(time_ns)


def kill_one(ear: socket.socket, victim: int) -> int:
    """How long the other worker took to know, in nanoseconds."""
    pidfd = os.pidfd_open(victim)
    try:
        os.kill(victim, signal.SIGKILL)
        select.select([pidfd], [], [], PATIENCE_S)
        event_ns = time.monotonic_ns()
    finally:
        os.close(pidfd)
    what, pid, told_ns = hear(ear)
    assert what == "close"
    assert pid != victim
    return told_ns - event_ns


def kill_all(ear: socket.socket, kills: int) -> list[int]:
    told_ns = []
    for kill in range(kills):
        workers = sorted(hear(ear)[1] for _ in range(2))
        told_ns.append(kill_one(ear, workers[kill % 2]))
    return told_ns


def measured(kills: int) -> Sequence[int]:
    with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ear:
        path = str(Path(folder) / "ear")
        ear.bind(path)
        ear.settimeout(PATIENCE_S)
        with subprocess.Popen([sys.executable, "-c", JOB, path], stderr=subprocess.DEVNULL) as job:
            try:
                return kill_all(ear, kills)
            finally:
                job.send_signal(signal.SIGINT)


if __name__ == "__main__":
    started = time.perf_counter()
    told_ns = measured(int(sys.argv[1]))
    percentiles = quantiles(told_ns, n=100, method="inclusive")
    p50, p99 = (percentiles[place] / 1e6 for place in (49, 98))
    taken = time.perf_counter() - started
    report(seconds=taken, records=len(told_ns), told_p50_ms=p50, told_p99_ms=p99, told_max_ms=max(told_ns) / 1e6)
