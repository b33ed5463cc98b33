"""Word count in batch mode against the plain loop, and against two processes that each take half of the files.

The words are drawn from 50,000 by Zipf's law, as those of a language are. ``WORDCOUNT_FILES`` names other files (a
glob).
"""

import glob
import multiprocessing
import os
import random
import tempfile
from bisect import bisect
from collections import Counter, defaultdict
from itertools import accumulate

from _program import main

FILES = 16
LINES = 25_000
WORDS_PER_LINE = 10
VOCABULARY = 50_000
Paths = list[str]


def text() -> Paths:
    """The files, written at the first call ever on this machine."""
    folder = os.path.join(tempfile.gettempdir(), f"sage-benchmark-words-{os.getuid()}-{FILES}-{LINES}")
    paths = [os.path.join(folder, f"{number:02}.txt") for number in range(FILES)]
    if not os.path.exists(folder):
        writing = f"{folder}.{os.getpid()}"
        os.mkdir(writing)
        for number, path in enumerate(paths):
            with open(os.path.join(writing, os.path.basename(path)), "w", encoding="utf-8") as file:
                file.writelines(_lines(random.Random(number)))
        os.rename(writing, folder)
    return paths


def _lines(chance: random.Random) -> list[str]:
    letters = random.Random(0)
    words = ["".join(letters.choices("etaoinshrdlu", k=letters.randint(2, 10))) for _ in range(VOCABULARY)]
    heights = list(accumulate(1 / rank for rank in range(1, VOCABULARY + 1)))
    drawn = [words[bisect(heights, chance.random() * heights[-1])] for _ in range(LINES * WORDS_PER_LINE)]
    return [" ".join(drawn[start : start + WORDS_PER_LINE]) + "\n" for start in range(0, len(drawn), WORDS_PER_LINE)]


def count(paths: Paths) -> dict[str, int]:
    counts: dict[str, int] = defaultdict(int)
    for path in paths:
        with open(path, encoding="utf-8") as lines:
            for line in lines:
                for word in line.split():
                    counts[word] += 1
    return counts


def loop(paths: Paths) -> int:
    return sum(count(paths).values())


def two_processes(paths: Paths) -> int:
    with multiprocessing.get_context("fork").Pool(2) as pool:
        halves = pool.map(count, [paths[::2], paths[1::2]])
    total: Counter[str] = Counter()
    for half in halves:
        total.update(half)
    return sum(total.values())


def sage(paths: Paths, parallelism: int) -> int:
    from sage_local import LocalEnvironment

    env = LocalEnvironment("wordcount", config={"parallelism": parallelism, "execution.runtime-mode": "batch"})
    counts = env.from_text(paths).flat_map(str.split).key_by(lambda w: w).count().collect()
    return sum(n for _, n in counts)


if __name__ == "__main__":
    others = os.environ.get("WORDCOUNT_FILES")
    main(
        {
            "loop": loop,
            "two": two_processes,
            "sage1": lambda paths: sage(paths, 1),
            "sage2": lambda paths: sage(paths, 2),
        },
        few=[__file__],
        many=glob.glob(others, recursive=True) if others else text(),
    )
