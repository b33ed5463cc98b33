"""A running count per key, every update to a sink: keyed state and an exchange, and next to nothing else.

The input is a file of keys, one per line, so that it costs every contestant little and the same.
"""

import json
import random
import tempfile
from collections import Counter
from pathlib import Path

from sage_local.bench.compete import compete
from sage_local.bench.workload import Figure, Workload, expect, floor, sage
from sage_local.bench.workloads.partial_sums import PartialSums, total

KEYS = 10_000
Update = tuple[str, int]


def prepare(folder: Path, records: int) -> None:
    """The file, and the sum of all counts that are ever emitted."""
    chance = random.Random(0)
    keys = [f"user-{chance.randrange(KEYS)}" for _ in range(records)]
    (folder / "keys.txt").write_text("".join(f"{key}\n" for key in keys), encoding="utf-8")
    summed = sum(n * (n + 1) // 2 for n in Counter(keys).values())
    (folder / "expected.json").write_text(json.dumps([records, summed]), encoding="utf-8")


def check(folder: Path, records: int, found: list[int]) -> None:
    """As many updates as records, and every count from 1 up once per key."""
    expect("updates, and the sum of their counts", json.loads((folder / "expected.json").read_text()), found)


class Updates(PartialSums):
    """Number of updates and the sum of their counts."""

    def write(self, update: Update) -> None:
        """One update."""
        self.sums[0] += 1
        self.sums[1] += update[1]


def loop(folder: Path, records: int) -> list[int]:
    """One process, one dictionary, the same sink."""
    counts: dict[str, int] = {}
    updates = Updates("", 2)
    with open(folder / "keys.txt", encoding="utf-8") as lines:
        for line in lines:
            key = line.rstrip("\n")
            n = counts[key] = counts.get(key, 0) + 1
            updates.write((key, n))
    return updates.sums


def count_running(folder: Path, parallelism: int) -> list[int]:
    """Ours."""
    from sage_local import LocalEnvironment

    with tempfile.TemporaryDirectory(dir=folder) as written:
        env = LocalEnvironment("keyed-count", config={"parallelism": parallelism})
        env.from_text(folder / "keys.txt").key_by(lambda key: key).count().sink(Updates(written, 2))
        env.submit()
        return total(written)


WORKLOADS = (
    Workload(
        name="keyed_count",
        title="running count per key, every update to a sink",
        records=2_000_000,
        few=1_000,
        prepare=prepare,
        check=check,
        contestants={
            "loop": floor(loop),
            "1 worker": sage(lambda folder, records: count_running(folder, 1)),
            "2 workers": sage(lambda folder, records: count_running(folder, 2)),
        },
        figures=tuple(
            Figure(
                f"CPU ns per record beyond the loop's, {name}",
                lambda the, name=name: the.cpu_ns_beyond("loop", name),  # type: ignore[misc]  # bound now
                goal=500,
                at_most=True,
            )
            for name in ("1 worker", "2 workers")
        ),
    ),
)

if __name__ == "__main__":
    compete(WORKLOADS)
