"""Open-loop latency: from the source's ``yield`` to the sink in another worker, at a rate that waits for nobody.

A record that the source could not yield in time, because it was held up, counts from when it was due: what a slow
engine keeps from being sent is in the percentiles (no coordinated omission). Measures named ``due`` count every record
from there, so they hold the lateness of the source's own timer too.
"""

import json
import os
import tempfile
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from statistics import quantiles
from typing import Any

from sage_local.bench.compete import compete
from sage_local.bench.workload import Contestant, Figure, Timed, Workload, expect, floor, sage
from sage_local.functions import SinkFunction

SECONDS = 6
WARMING_UP = 1 / 3
"""Of the records: the coordinator loads its log's library a second after the start, on a core that a worker wants."""

Stamp = tuple[int, int]
"""When it was due, and when it was yielded; where the source was held up, both are the first."""


def stamps(rate: int, records: int) -> Iterator[Stamp]:
    """``rate`` in a second."""
    period_ns = 1_000_000_000 // rate
    due_ns = time.monotonic_ns() + 500_000_000
    for _ in range(records):
        stamp_ns = due_ns
        while (now_ns := time.monotonic_ns()) < due_ns:
            time.sleep((due_ns - now_ns) / 1e9)
            stamp_ns = time.monotonic_ns()
        yield due_ns, stamp_ns
        due_ns += period_ns


class Latencies(SinkFunction[Stamp]):
    """Writes them to ``path`` at the end."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.seen: list[tuple[int, int]] = []

    def write(self, stamp: Stamp) -> None:
        """One record."""
        now_ns = time.monotonic_ns()
        self.seen.append((now_ns - stamp[0], now_ns - stamp[1]))

    def close(self) -> None:
        """Also called by the floor."""
        with open(self.path, "w") as file:
            json.dump(self.seen, file)


def timed(path: str, rate: int) -> Timed:
    """Percentiles of what is in the file."""
    with open(path) as file:
        seen = json.load(file)
    steady = seen[int(len(seen) * WARMING_UP) :]
    due, sent = ([each[place] / 1e3 for each in steady] for place in (0, 1))
    due_p50, due_p99, _ = _percentiles(due)
    p50, p99, p999 = _percentiles(sent)
    measures = {"p50_us": p50, "p99_us": p99, "p999_us": p999, "max_us": max(sent)}
    return Timed(len(seen), len(seen) / rate, {**measures, "due_p50_us": due_p50, "due_p99_us": due_p99})


def _percentiles(values: list[float]) -> tuple[float, float, float]:
    cuts = quantiles(values, n=1000)
    return cuts[499], cuts[989], cuts[998]


def through_a_pipe(folder: Path, records: int, *, rate: int) -> Timed:
    """Another process reads each stamp from a pipe."""
    with tempfile.TemporaryDirectory(dir=folder) as written:
        path = os.path.join(written, "latencies")
        out, into = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(into)
            _receive(out, Latencies(path))
            os._exit(0)
        os.close(out)
        for due_ns, stamp_ns in stamps(rate, records):
            os.write(into, due_ns.to_bytes(8) + stamp_ns.to_bytes(8))
        os.close(into)
        os.waitpid(child, 0)
        return timed(path, rate)


def _receive(out: int, latencies: Latencies) -> None:
    while pair := os.read(out, 16):
        latencies.write((int.from_bytes(pair[:8]), int.from_bytes(pair[8:])))
    latencies.close()


def through_a_job(folder: Path, records: int, *, rate: int) -> Timed:
    """Ours. A parallelism of their own gives map and sink a worker of their own."""
    from sage_local import LocalEnvironment

    with tempfile.TemporaryDirectory(dir=folder) as written:
        path = os.path.join(written, "latencies")
        env = LocalEnvironment("latency", config={"parallelism": 2})
        sent: Any = env.from_generator(lambda: stamps(rate, records))
        sent.map(lambda stamp: (*stamp,), parallelism=1).sink(Latencies(path), parallelism=1)
        env.submit()
        return timed(path, rate)


def check(folder: Path, records: int, seen: int) -> None:
    """Every record."""
    expect("records at the sink", records, seen)


def workload(name: str, rate: int, floors: dict[str, Contestant], figures: tuple[Figure, ...]) -> Workload:
    """Ours, against ``floors``."""
    return Workload(
        name=name,
        title=f"open-loop latency to a sink in another worker, {rate:,} records/s",
        records=rate * SECONDS,
        check=check,
        contestants={**floors, "2 workers": sage(partial(through_a_job, rate=rate))},
        figures=figures,
    )


def _over_a_pipe(rate: int) -> Workload:
    p99_ms = Figure("p99 ms", lambda the: the("2 workers", "p99_us") / 1e3, goal=2, at_most=True)
    p50 = Figure("p50 / p50 of a pipe", lambda the: the("2 workers", "p50_us") / the("pipe", "p50_us"))
    return workload(f"latency_{rate}", rate, {"pipe": floor(partial(through_a_pipe, rate=rate))}, (p99_ms, p50))


WORKLOADS = (_over_a_pipe(1_000), _over_a_pipe(10_000))

if __name__ == "__main__":
    compete(WORKLOADS)
