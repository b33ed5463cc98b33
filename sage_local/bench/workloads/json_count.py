"""A JSON line, a Python function, a count per result: what most programs of rows are, in batch mode."""

import json
import random
from collections import Counter
from pathlib import Path
from typing import Any

from sage_local.bench.compete import compete
from sage_local.bench.workload import Workload, expect_counts, floor, ratio, sage

COUNTRIES = ("AT", "BR", "CL", "CN", "DE", "EG", "FR", "IN", "JP", "KE", "MX", "NG", "PL", "US", "VN", "ZA")
STATUSES = (200, 200, 200, 200, 200, 201, 204, 301, 304, 404, 404, 500)


def outcome(request: dict[str, Any]) -> str:
    """The user's function."""
    slow = "slow" if request["ms"] > 250 else "fast"
    return f"{request['country']} {request['status'] // 100}xx {slow}"


def prepare(folder: Path, records: int) -> None:
    """One file of requests, and how often each outcome is in it."""
    chance = random.Random(0)
    counts: Counter[str] = Counter()
    with open(folder / "requests.jsonl", "w", encoding="utf-8") as file:
        for number in range(records):
            request = {
                "id": number,
                "user": f"user-{chance.randrange(100_000)}",
                "path": f"/articles/{chance.randrange(5_000)}",
                "country": COUNTRIES[int(len(COUNTRIES) * chance.random() ** 2)],
                "status": chance.choice(STATUSES),
                "ms": round(chance.expovariate(0.01), 2),
            }
            counts[outcome(request)] += 1
            file.write(json.dumps(request) + "\n")
    (folder / "expected.json").write_text(json.dumps(counts), encoding="utf-8")


def check(folder: Path, records: int, counts: dict[str, int]) -> None:
    """Every outcome as often as it was made."""
    expect_counts("count", json.loads((folder / "expected.json").read_text(encoding="utf-8")), counts)


def loop(folder: Path, records: int) -> dict[str, int]:
    """One process, one dictionary."""
    counts: dict[str, int] = {}
    with open(folder / "requests.jsonl", encoding="utf-8") as lines:
        for line in lines:
            key = outcome(json.loads(line))
            counts[key] = counts.get(key, 0) + 1
    return counts


def count_outcomes(folder: Path, parallelism: int) -> dict[str, int]:
    """Ours."""
    from sage_local import LocalEnvironment

    env = LocalEnvironment("json-count", config={"parallelism": parallelism, "execution.runtime-mode": "batch"})
    requests = env.from_json_lines(folder / "requests.jsonl")
    return dict(requests.map(outcome).key_by(lambda key: key).count().collect())


WORKLOADS = (
    Workload(
        name="json_count",
        title="JSON line → Python function → count",
        records=500_000,
        few=1_000,
        prepare=prepare,
        check=check,
        contestants={
            "loop": floor(loop),
            "1 worker": sage(lambda folder, records: count_outcomes(folder, 1)),
            "2 workers": sage(lambda folder, records: count_outcomes(folder, 2)),
        },
        figures=(
            ratio("cpu_s", "1 worker", "loop", goal=1.05, at_most=True),
            ratio("cpu_s", "2 workers", "loop"),
            ratio("seconds", "loop", "2 workers"),
        ),
    ),
)

if __name__ == "__main__":
    compete(WORKLOADS)
