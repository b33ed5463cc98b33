"""Word count in batch mode against the plain loop, and against two processes that each take half of the files."""

import glob
import multiprocessing
import os
import sys
import sysconfig
from collections import Counter, defaultdict

from _program import main

REPEAT = int(os.environ.get("WORDCOUNT_REPEAT", "4"))


def files() -> list[str]:
    pattern = os.path.join(sysconfig.get_path("stdlib"), "**", "*.py")
    found = sorted(path for path in glob.glob(pattern, recursive=True) if os.path.isfile(path) and _is_utf8(path))
    return found * REPEAT


def _is_utf8(path: str) -> bool:
    with open(path, "rb") as file:
        try:
            file.read().decode()
        except UnicodeDecodeError:
            return False
    return True


def count(paths: list[str]) -> dict[str, int]:
    counts: dict[str, int] = defaultdict(int)
    for path in paths:
        with open(path, encoding="utf-8") as lines:
            for line in lines:
                for word in line.split():
                    counts[word] += 1
    return counts


def loop() -> int:
    return sum(count(files()).values())


def two_processes() -> int:
    paths = files()
    with multiprocessing.get_context("fork").Pool(2) as pool:
        halves = pool.map(count, [paths[::2], paths[1::2]])
    total: Counter[str] = Counter()
    for half in halves:
        total.update(half)
    return sum(total.values())


def sage(parallelism: int) -> int:
    from sage_local import LocalEnvironment

    env = LocalEnvironment("wordcount", config={"parallelism": parallelism, "execution.runtime-mode": "batch"})
    counts = env.from_text(files()).flat_map(str.split).key_by(lambda w: w).count().collect()
    return sum(n for _, n in counts)


if __name__ == "__main__":
    sys.exit(main({"loop": loop, "two": two_processes, "sage1": lambda: sage(1), "sage2": lambda: sage(2)}))
