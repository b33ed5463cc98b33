"""``multiprocessing``: a ``Pool`` where files can be counted apart, queues to owners of keys where not."""

import multiprocessing
from collections import Counter, defaultdict
from multiprocessing.queues import Queue
from pathlib import Path

from _events import is_milestone, kind_of, main, write_counts

CHUNK = 1000


def count(source: Path, out: Path, workers: int) -> None:
    total: Counter[str] = Counter()
    with multiprocessing.Pool(workers) as pool:
        for counts in pool.imap_unordered(_count_file, sorted(source.iterdir())):
            total.update(counts)
    write_counts(out, total.items())


def _count_file(path: Path) -> dict[str, int]:
    counts: dict[str, int] = defaultdict(int)
    with open(path, encoding="utf-8") as file:
        for line in file:
            counts[kind_of(line)] += 1
    return counts


def running(source: Path, out: Path, workers: int) -> None:
    """This process reads and deals keys out; each key has one process that counts it."""
    results: Queue[list[tuple[str, int]]] = multiprocessing.Queue()
    inputs: list[Queue[list[str] | None]] = [multiprocessing.Queue(maxsize=16) for _ in range(workers)]
    owners = [multiprocessing.Process(target=_count_keys, args=(each, results)) for each in inputs]
    for owner in owners:
        owner.start()
    _deal(source, inputs)
    milestones = [pair for _ in owners for pair in results.get()]
    for owner in owners:
        owner.join()
    write_counts(out, milestones)


def _deal(source: Path, inputs: list["Queue[list[str] | None]"]) -> None:
    chunks: list[list[str]] = [[] for _ in inputs]
    for path in sorted(source.iterdir()):
        with open(path, encoding="utf-8") as file:
            for line in file:
                key = line.rstrip("\n")
                place = hash(key) % len(inputs)
                chunk = chunks[place]
                chunk.append(key)
                if len(chunk) == CHUNK:
                    inputs[place].put(chunk)
                    chunks[place] = []
    for place, chunk in enumerate(chunks):
        inputs[place].put(chunk)
        inputs[place].put(None)


def _count_keys(keys: "Queue[list[str] | None]", results: "Queue[list[tuple[str, int]]]") -> None:
    counts: dict[str, int] = defaultdict(int)
    milestones = []
    while (chunk := keys.get()) is not None:
        for key in chunk:
            counts[key] = reached = counts[key] + 1
            if is_milestone(reached):
                milestones.append((key, reached))
    results.put(milestones)


if __name__ == "__main__":
    main({"count": count, "running": running})
