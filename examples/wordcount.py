"""Counts words in text files.

    sage run local --parallelism=2 examples/wordcount.py
    sage run local --parallelism=2 examples/wordcount.py -- '/usr/share/doc/**/*.txt'

Without arguments it reads the sources of the running interpreter's standard library. Some of these are no UTF-8 on
purpose: what can not be decoded counts as U+FFFD.
"""

import glob
import heapq
import os
import sys
import sysconfig
import time

from sage_local import AggregateFunction, DataStream, LocalEnvironment

SHOWN = 20
Count = tuple[str, int]


def standard_library() -> list[str]:
    files = []
    for directory, inner, names in os.walk(sysconfig.get_path("stdlib")):
        inner[:] = [name for name in inner if name not in ("site-packages", "dist-packages")]
        files += [os.path.join(directory, name) for name in names if name.endswith(".py")]
    return sorted(files)


def matching(patterns: list[str]) -> list[str]:
    found = {path for pattern in patterns for path in glob.glob(pattern, recursive=True) if os.path.isfile(path)}
    return sorted(found) or sys.exit(f"no file matches {' '.join(patterns)}")


def word_counts(env: LocalEnvironment, files: list[str]) -> DataStream[Count]:
    lines = env.from_text(files, errors="replace", name="lines")
    return lines.flat_map(str.split, name="words").key_by(lambda w: w).count()


class MostFrequent(AggregateFunction[Count, list[Count], list[Count]]):
    """The ``shown`` words with the highest counts. With ``merge``, each subtask sends on only its own best."""

    def __init__(self, shown: int) -> None:
        self.shown = shown

    def create_accumulator(self) -> list[Count]:
        return []

    def add(self, accumulator: list[Count], value: Count, /) -> list[Count]:
        accumulator.append(value)
        return accumulator if len(accumulator) < 100 * self.shown else self.get_result(accumulator)

    def get_result(self, accumulator: list[Count], /) -> list[Count]:
        return heapq.nsmallest(self.shown, accumulator, key=lambda count: (-count[1], count[0]))

    def merge(self, first: list[Count], second: list[Count], /) -> list[Count]:
        return self.get_result(first + second)


def main() -> None:
    started = time.perf_counter()
    files = matching(sys.argv[1:]) if len(sys.argv) > 1 else standard_library()
    env = LocalEnvironment("wordcount", config={"execution.runtime-mode": "batch"})
    best = word_counts(env, files).key_by(lambda count: None).aggregate(MostFrequent(SHOWN))
    best.flat_map(lambda keyed: keyed[1]).map(lambda count: f"{count[1]:>9,}  {count[0]}").print()
    result = env.submit()
    seconds = time.perf_counter() - started
    emitted = {operator.name: operator.records_out for operator in result.operators}
    print(
        f"{len(files):,} files, {emitted['lines']:,} lines, {emitted['words']:,} words"
        f" in {seconds:.2f} seconds: {emitted['words'] / seconds:,.0f} words/s"
    )


if __name__ == "__main__":
    main()
