"""Word count in batch mode. The words are drawn from 50,000 by Zipf's law, as those of a language are."""

import json
import multiprocessing
import random
from bisect import bisect
from collections import Counter, defaultdict
from itertools import accumulate
from pathlib import Path
from typing import Any

from sage_local.bench.compete import compete
from sage_local.bench.workload import Workload, expect_counts, floor, ratio, sage

FILES = 16
WORDS_PER_LINE = 10
VOCABULARY = 50_000


def prepare(folder: Path, words: int) -> None:
    """The files, and how often each word is in them."""
    chance = random.Random(0)
    vocabulary = ["".join(chance.choices("etaoinshrdlu", k=chance.randint(2, 10))) for _ in range(VOCABULARY)]
    heights = list(accumulate(1 / rank for rank in range(1, VOCABULARY + 1)))
    drawn = [vocabulary[bisect(heights, chance.random() * heights[-1])] for _ in range(words)]
    lines = [" ".join(drawn[at : at + WORDS_PER_LINE]) + "\n" for at in range(0, words, WORDS_PER_LINE)]
    for number in range(FILES):
        part = lines[number * len(lines) // FILES : (number + 1) * len(lines) // FILES]
        (folder / f"{number:02}.txt").write_text("".join(part), encoding="utf-8")
    (folder / "expected.json").write_text(json.dumps(Counter(drawn)), encoding="utf-8")


def check(folder: Path, words: int, counts: dict[str, int]) -> None:
    """Every word as often as it was drawn."""
    expect_counts("count", json.loads((folder / "expected.json").read_text(encoding="utf-8")), counts)


def count(paths: list[Path]) -> dict[str, int]:
    """The plain loop."""
    counts: dict[str, int] = defaultdict(int)
    for path in paths:
        with open(path, encoding="utf-8") as lines:
            for line in lines:
                for word in line.split():
                    counts[word] += 1
    return counts


def two_processes(folder: Path, words: int) -> dict[str, int]:
    """The plain loop over half of the files, twice."""
    paths = sorted(folder.glob("*.txt"))
    with multiprocessing.get_context("fork").Pool(2) as pool:
        halves = pool.map(count, [paths[::2], paths[1::2]])
    total: Counter[str] = Counter()
    for half in halves:
        total.update(half)
    return total


def count_words(folder: Path, parallelism: int) -> dict[str, int]:
    """Ours."""
    from sage_local import LocalEnvironment

    env = LocalEnvironment("wordcount", config={"parallelism": parallelism, "execution.runtime-mode": "batch"})
    words: Any = env.from_text(folder / "*.txt").flat_map(str.split)
    return dict(words.key_by(lambda word: word).count().collect())


WORKLOADS = (
    Workload(
        name="wordcount",
        title="word count in batch mode, 1 and 2 workers",
        records=4_000_000,
        few=1_000,
        prepare=prepare,
        check=check,
        contestants={
            "loop": floor(lambda folder, words: count(sorted(folder.glob("*.txt")))),
            "two processes": floor(two_processes),
            "1 worker": sage(lambda folder, words: count_words(folder, 1)),
            "2 workers": sage(lambda folder, words: count_words(folder, 2)),
        },
        figures=(
            ratio("seconds", "loop", "1 worker", goal=0.9),
            ratio("cpu_s", "loop", "1 worker"),
            ratio("seconds", "two processes", "2 workers", goal=0.8),
            ratio("cpu_s", "two processes", "2 workers"),
        ),
    ),
)

if __name__ == "__main__":
    compete(WORKLOADS)
