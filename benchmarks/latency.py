"""From the source's ``yield`` to the sink in another worker, at a fixed rate that does not wait for the sink."""

import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from statistics import quantiles

from _program import report

from sage_local import LocalEnvironment
from sage_local.functions import SinkFunction

SECONDS = 6
WARMING_UP = 1 / 3
"""Of the records: the coordinator loads its log's library a second after the start, on a core that a worker wants."""


def stamps(rate: int) -> Iterator[int]:
    """When each record was given to the engine; where the engine held us up, when it should have been."""
    period_ns = 1_000_000_000 // rate
    due_ns = time.monotonic_ns() + 500_000_000
    for _ in range(rate * SECONDS):
        while (now_ns := time.monotonic_ns()) < due_ns:
            time.sleep((due_ns - now_ns) / 1e9)
        yield now_ns if now_ns - due_ns < period_ns else due_ns
        due_ns += period_ns


class Latencies(SinkFunction[int]):
    """Writes them to ``path`` at the end."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.latencies: list[int] = []

    def write(self, stamp_ns: int) -> None:
        self.latencies.append(time.monotonic_ns() - stamp_ns)

    def close(self) -> None:
        with open(self.path, "w") as file:
            json.dump(self.latencies, file)


def sage(rate: int) -> list[int]:
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "latencies")
        # A parallelism of their own gives map and sink a worker of their own.
        env = LocalEnvironment("latency", config={"parallelism": 2})
        records = env.from_generator(lambda: stamps(rate))
        records.map(lambda stamp: stamp + 0, parallelism=1).sink(Latencies(path), parallelism=1)
        env.submit()
        with open(path) as file:
            latencies: list[int] = json.load(file)
    return latencies


if __name__ == "__main__":
    rate = int(sys.argv[1])
    measured = sage(rate)
    percentiles = quantiles(measured[int(len(measured) * WARMING_UP) :], n=1000)
    p50, p99, p999 = (percentiles[place] / 1000 for place in (499, 989, 998))
    report(seconds=SECONDS, records=len(measured), p50_us=p50, p99_us=p99, p999_us=p999)
