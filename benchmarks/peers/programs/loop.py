"""The floor: what a person writes who needs no engine."""

from collections import defaultdict
from pathlib import Path

from _events import is_milestone, kind_of, main, write_counts


def count(source: Path, out: Path, workers: int) -> None:
    counts: dict[str, int] = defaultdict(int)
    for path in sorted(source.iterdir()):
        with open(path, encoding="utf-8") as file:
            for line in file:
                counts[kind_of(line)] += 1
    write_counts(out, counts.items())


def running(source: Path, out: Path, workers: int) -> None:
    counts: dict[str, int] = defaultdict(int)
    milestones = []
    for path in sorted(source.iterdir()):
        with open(path, encoding="utf-8") as file:
            for line in file:
                key = line.rstrip("\n")
                counts[key] = reached = counts[key] + 1
                if is_milestone(reached):
                    milestones.append((key, reached))
    write_counts(out, milestones)


if __name__ == "__main__":
    main({"count": count, "running": running})
