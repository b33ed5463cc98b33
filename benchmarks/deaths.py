"""From a SIGKILL to its peers' knowing: ``sage bench run benchmarks/deaths.py``.

For a job that restarts again and again this is counted from the signal, just before the kernel's own event, to the
``close`` of a function in the worker that was spared: the coordinator has been told, has decided, and has told it,
which has left its work. For a ring, ``ring_kills.py`` says what is counted.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import quantiles

from sage_local.bench.compete import compete
from sage_local.bench.workload import Figure, Timed, Workload, sage

PATIENCE_S = 60
JOB_KILLS = 50
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
    killed_ns = time.monotonic_ns()
    os.kill(victim, signal.SIGKILL)
    what, pid, told_ns = hear(ear)
    assert what == "close"
    assert pid != victim
    return told_ns - killed_ns


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


def of_a_job(folder: Path, kills: int) -> Timed:
    started = time.perf_counter()
    told_ns = measured(JOB_KILLS)
    seconds = time.perf_counter() - started
    percentiles = quantiles(told_ns, n=100, method="inclusive")
    p50, p99 = (percentiles[place] / 1e3 for place in (49, 98))
    return Timed(None, seconds, {"told_p50_us": p50, "told_p99_us": p99, "told_max_us": max(told_ns) / 1e3}, JOB_KILLS)


def of_a_ring(folder: Path, kills: int) -> Timed:
    """Fails when a kill leaves more than its time behind."""
    command = [sys.executable, str(Path(__file__).with_name("ring_kills.py")), "--kills", str(kills)]
    report = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    measures = {name: value for name, value in report.items() if name.startswith("told_")}
    return Timed(None, report["seconds"], measures, report["records"])


def _longest(contestant: str) -> Figure:
    return Figure(f"{contestant}: max ms", lambda the: the(contestant, "told_max_us") / 1e3, 100, at_most=True)


WORKLOADS = (
    Workload(
        name="deaths",
        title="from a SIGKILL to its peers' knowing",
        records=1_000,
        check=None,
        contestants={"peer of a ring": sage(of_a_ring), "worker of a job": sage(of_a_job)},
        figures=(_longest("peer of a ring"), _longest("worker of a job")),
    ),
)

if __name__ == "__main__":
    compete(WORKLOADS)
