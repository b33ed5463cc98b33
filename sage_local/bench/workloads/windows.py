"""Windows and keyed state of rows, against a plain loop over dicts that does the same work in one process.

Every contestant goes over the same records, made as it goes: ``(key, value, time)``, 10,000 keys, fifty records a
millisecond of event time. ``two processes`` have half of the records each.
"""

import json
import multiprocessing
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sage_local.bench.compete import compete
from sage_local.bench.workload import Contestant, Workload, expect, floor, ratio, sage
from sage_local.bench.workloads.partial_sums import PartialSums, total

KEYS = 10_000
SIZE_MS = 10_000
GAP_MS = 500
PER_MS = 50
SLIDING_S = 60

Record = tuple[int, int, int]
Accumulators = dict[int, list[int]]


def record(i: int) -> Record:
    """All keys in turn: with gaps of a fifth of a second, so one session for each."""
    return i * 7919 % KEYS, i & 1023, i // PER_MS


def bursts(i: int) -> Record:
    """A thousand keys at a time, each silent for longer than a session's gap between its bursts of four records."""
    return i // 4_000 * 1_000 % KEYS + i % 1_000, i & 1023, i // PER_MS


class Results(PartialSums):
    """Number of results, and the sums of their totals, counts and maxima."""

    def write(self, result: tuple[int, dict[str, int]]) -> None:
        """One window of one key."""
        fields = result[1]
        sums = self.sums
        sums[0] += 1
        sums[1] += fields["total"]
        sums[2] += fields["n"]
        sums[3] += fields["most"]


def tumbling_loop(records: int, part: int = 0, parts: int = 1) -> list[int]:
    """Windows stay open until the watermark has passed them: records need not be in order."""
    windows: dict[int, Accumulators] = {}
    watermark = -1
    results = Results("", 4)
    for i in range(part, records, parts):
        key, value, time = record(i)
        window = time // SIZE_MS
        accumulators = windows.get(window)
        if accumulators is None:
            accumulators = windows[window] = {}
        accumulator = accumulators.get(key)
        if accumulator is None:
            accumulators[key] = [value, 1, value]
        else:
            accumulator[0] += value
            accumulator[1] += 1
            if value > accumulator[2]:
                accumulator[2] = value
        if time > watermark:
            watermark = time
            for ended in [each for each in windows if (each + 1) * SIZE_MS <= watermark]:
                _emit(windows.pop(ended), results)
    for accumulators in windows.values():
        _emit(accumulators, results)
    return results.sums


def _emit(accumulators: Accumulators, results: Results) -> None:
    for key, (total_, n, most) in accumulators.items():
        results.write((key, {"total": total_, "n": n, "most": most}))


def two_processes(folder: Path, records: int) -> list[int]:
    """Half of the records each; a key is in one half or the other, since their number is even."""
    with multiprocessing.get_context("fork").Pool(2) as pool:
        halves = pool.starmap(tumbling_loop, [(records, 0, 2), (records, 1, 2)])
    return [sum(column) for column in zip(*halves, strict=True)]


def _stream(records: int, parallelism: int, make: Callable[[int], Record]) -> Any:
    from sage_local import LocalEnvironment

    env = LocalEnvironment("windows", config={"parallelism": parallelism})
    return env, env.from_collection(range(records)).map(make)


def windowed(
    assigner: Callable[[], Any], parallelism: int, make: Callable[[int], Record] = record
) -> Callable[[Path, int], list[int]]:
    """Ours, with the windows that ``assigner()`` gives."""

    def run(folder: Path, records: int) -> list[int]:
        from sage_local import Count, Max, Sum, WatermarkStrategy

        env, stream = _stream(records, parallelism, make)
        strategy = WatermarkStrategy.for_monotonous_timestamps().with_timestamp_assigner(lambda each: each[2])
        keyed = stream.assign_timestamps_and_watermarks(strategy).key_by(lambda each: each[0])
        with tempfile.TemporaryDirectory(dir=folder) as written:
            keyed.window(assigner()).aggregate(total=Sum(1), n=Count(), most=Max(1)).sink(Results(written, 4))
            env.submit()
            return total(written)

    return run


def tumbling() -> Any:
    """Of ten seconds."""
    from sage_local import TumblingEventTimeWindows

    return TumblingEventTimeWindows.of(SIZE_MS)


def sliding() -> Any:
    """Of a minute, by the second."""
    from sage_local import SlidingEventTimeWindows

    return SlidingEventTimeWindows.of(f"{SLIDING_S}s", "1s")


def session() -> Any:
    """Ended by half a second of silence."""
    from sage_local import EventTimeSessionWindows

    return EventTimeSessionWindows.with_gap(GAP_MS)


def prepare_tumbling(folder: Path, records: int) -> None:
    """The sums of the right results, by the plain loop."""
    (folder / "expected.json").write_text(json.dumps(tumbling_loop(records)))


def check_all(folder: Path, records: int, found: list[int]) -> None:
    """All four sums."""
    expected = json.loads((folder / "expected.json").read_text())
    expect("results, and the sums of their totals, counts and maxima", expected, found)


def check_each(folder: Path, records: int, found: tuple[int, list[int]]) -> None:
    """Every record in as many windows as there should be: making sliding windows by hand would take too long."""
    times, sums = found
    values = sum(i & 1023 for i in range(records))
    expect("sums of totals and counts", [times * values, times * records], sums[1:3])


def reduce_loop(records: int, part: int = 0, parts: int = 1) -> list[int]:
    """The latest record of each key, every update looked at."""
    latest: Callable[[Record, Record], Record] = lambda a, b: b if b[1] >= a[1] else a  # noqa: E731  # the subject is lambdas
    state: dict[int, Record] = {}
    updates = Updates("", 2)
    for i in range(part, records, parts):
        each = record(i)
        key = each[0]
        value = state[key] = latest(state[key], each) if key in state else each
        updates.write(value)
    return updates.sums


class Updates(PartialSums):
    """Number of updates and the sum of their values."""

    def write(self, update: Record) -> None:
        """One update."""
        self.sums[0] += 1
        self.sums[1] += update[1]


def prepare_reduce(folder: Path, records: int) -> None:
    """The sums of the right updates, by the plain loop."""
    (folder / "expected.json").write_text(json.dumps(reduce_loop(records)))


def check_reduce(folder: Path, records: int, found: list[int]) -> None:
    """Both sums."""
    expected = json.loads((folder / "expected.json").read_text())
    expect("updates, and the sum of their values", expected, found)


def reduced(folder: Path, records: int) -> list[int]:
    """Ours."""
    env, stream = _stream(records, 1, record)
    with tempfile.TemporaryDirectory(dir=folder) as written:
        keyed = stream.key_by(lambda each: each[0])
        keyed.reduce(lambda a, b: b if b[1] >= a[1] else a).sink(Updates(written, 2))
        env.submit()
        return total(written)


def _in_windows(times: int, run: Callable[[Path, int], list[int]]) -> Contestant:
    """Ours, with the number of windows that each record is in."""
    return sage(lambda folder, records: (times, run(folder, records)))


WORKLOADS = (
    Workload(
        name="tumbling_rows",
        title="tumbling sum, count and maximum by key, of rows",
        records=5_000_000,
        few=10_000,
        prepare=prepare_tumbling,
        check=check_all,
        contestants={
            "loop": floor(lambda folder, records: tumbling_loop(records)),
            "two processes": floor(two_processes),
            "1 worker": sage(windowed(tumbling, 1)),
            "2 workers": sage(windowed(tumbling, 2)),
        },
        figures=(
            ratio("seconds", "loop", "1 worker", goal=0.8),
            ratio("cpu_s", "loop", "1 worker"),
            ratio("seconds", "two processes", "2 workers", goal=0.8),
            ratio("cpu_s", "two processes", "2 workers"),
        ),
    ),
    Workload(
        name="windows_rows",
        title="sliding windows and sessions of rows against tumbling windows",
        records=5_000_000,
        few=10_000,
        check=check_each,
        contestants={
            "tumbling": _in_windows(1, windowed(tumbling, 1)),
            "sliding": _in_windows(SLIDING_S, windowed(sliding, 1)),
            "session": _in_windows(1, windowed(session, 1)),
            "session bursts": _in_windows(1, windowed(session, 1, bursts)),
        },
        figures=tuple(
            figure
            for name in ("sliding", "session", "session bursts")
            for figure in (ratio("seconds", "tumbling", name, goal=0.5), ratio("cpu_s", "tumbling", name))
        ),
    ),
    Workload(
        name="reduce_rows",
        title="keyed reduce by a lambda, every update to a sink",
        records=5_000_000,
        few=10_000,
        prepare=prepare_reduce,
        check=check_reduce,
        contestants={"loop": floor(lambda folder, records: reduce_loop(records)), "1 worker": sage(reduced)},
        figures=(ratio("seconds", "loop", "1 worker", goal=0.7), ratio("cpu_s", "loop", "1 worker")),
    ),
)

if __name__ == "__main__":
    compete(WORKLOADS)
