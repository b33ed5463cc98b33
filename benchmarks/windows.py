"""Windows and keyed state of rows, against a plain loop over dicts that does the same work in one process.

Every contestant goes over the same records, made as it goes: ``(key, value, time)``, 10,000 keys, fifty
records a millisecond of event time. Read CPU seconds. ``-two`` is two independent processes with half of the keys each.
"""

import multiprocessing
from collections.abc import Callable
from typing import Any

from _program import main

KEYS = 10_000
SIZE_MS = 10_000
GAP_MS = 500
PER_MS = 50

Record = tuple[int, int, int]
Fold = list[int]


def record(i: int) -> Record:
    return i * 7919 % KEYS, i & 1023, i // PER_MS


def bursts(i: int) -> Record:
    """A thousand keys at a time, each silent for longer than a session's gap between its bursts of four records."""
    return i // 4_000 * 1_000 % KEYS + i % 1_000, i & 1023, i // PER_MS


def _fold(accumulators: dict[int, Fold], key: int, value: int) -> None:
    accumulator = accumulators.get(key)
    if accumulator is None:
        accumulators[key] = [value, 1, value]
    else:
        accumulator[0] += value
        accumulator[1] += 1
        if value > accumulator[2]:
            accumulator[2] = value


def made(records: int) -> int:
    """The part of every contestant that is no window: making the records."""
    for i in range(records):
        record(i)
    return records


def tumbling_loop(records: int, part: int = 0, parts: int = 1) -> int:
    """Windows stay open until the watermark has passed them: records need not be in order."""
    windows: dict[int, dict[int, Fold]] = {}
    watermark = -1
    results = 0
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
                results += len(_results(windows.pop(ended)))
    assert results + sum(len(_results(ended)) for ended in windows.values()) > 0
    return records


def _results(accumulators: dict[int, Fold]) -> list[tuple[int, dict[str, int]]]:
    return [(key, {"total": a[0], "n": a[1], "most": a[2]}) for key, a in accumulators.items()]


def reduce_loop(records: int, part: int = 0, parts: int = 1) -> int:
    latest = lambda a, b: b if b[1] >= a[1] else a  # noqa: E731  # the subject is lambdas
    state: dict[int, Record] = {}
    seen = 0
    for i in range(part, records, parts):
        each = record(i)
        key = each[0]
        value = state[key] = latest(state[key], each) if key in state else each
        seen += value[1] & 1
    assert seen > 0
    return records


def _two(loop: Callable[[int, int, int], int]) -> Callable[[int], int]:
    def run(records: int) -> int:
        with multiprocessing.get_context("fork").Pool(2) as pool:
            pool.starmap(loop, [(records, 0, 2), (records, 1, 2)])
        return records

    return run


def _stream(records: int, parallelism: int, make: Callable[[int], Record] = record) -> Any:
    from sage_local import LocalEnvironment

    env = LocalEnvironment("windows", config={"parallelism": parallelism})
    return env, env.from_collection(range(records)).map(make)


def _keyed(records: int, parallelism: int, make: Callable[[int], Record] = record) -> Any:
    from sage_local import WatermarkStrategy

    env, stream = _stream(records, parallelism, make)
    strategy = WatermarkStrategy.for_monotonous_timestamps().with_timestamp_assigner(lambda each: each[2])
    return env, stream.assign_timestamps_and_watermarks(strategy).key_by(lambda each: each[0])


def _windowed(
    records: int, assigner: Callable[[], Any], parallelism: int, make: Callable[[int], Record] = record
) -> int:
    from sage_local import Count, Max, Sum

    env, keyed = _keyed(records, parallelism, make)
    keyed.window(assigner()).aggregate(total=Sum(1), n=Count(), most=Max(1)).sink(lambda result: None)
    env.submit()
    return records


def _tumbling() -> Any:
    from sage_local import TumblingEventTimeWindows

    return TumblingEventTimeWindows.of(SIZE_MS)


def _sliding() -> Any:
    from sage_local import SlidingEventTimeWindows

    return SlidingEventTimeWindows.of("60s", "1s")


def _session() -> Any:
    from sage_local import EventTimeSessionWindows

    return EventTimeSessionWindows.with_gap(GAP_MS)


def reduce_sage(records: int, parallelism: int) -> int:
    env, stream = _stream(records, parallelism)
    stream.key_by(lambda each: each[0]).reduce(lambda a, b: b if b[1] >= a[1] else a).sink(lambda each: None)
    env.submit()
    return records


CONTESTANTS: dict[str, Callable[[int], int]] = {
    "made": made,
    "tumbling-loop": tumbling_loop,
    "tumbling-two": _two(tumbling_loop),
    "tumbling-sage1": lambda records: _windowed(records, _tumbling, 1),
    "tumbling-sage2": lambda records: _windowed(records, _tumbling, 2),
    "sliding-sage1": lambda records: _windowed(records, _sliding, 1),
    "session-sage1": lambda records: _windowed(records, _session, 1),
    "session-bursts-sage1": lambda records: _windowed(records, _session, 1, bursts),
    "reduce-loop": reduce_loop,
    "reduce-two": _two(reduce_loop),
    "reduce-sage1": lambda records: reduce_sage(records, 1),
    "reduce-sage2": lambda records: reduce_sage(records, 2),
}

if __name__ == "__main__":
    main(CONTESTANTS, few=10_000, many=5_000_000)
