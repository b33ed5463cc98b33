"""Memory of keyed state, against a bare dict of the same values: the peak less that of start-up.

Every key has one record. A reduce keeps it as it is; a window keeps sum, count and maximum, as lists in the dict.
"""

from pathlib import Path
from typing import Any

from sage_local.bench.compete import compete
from sage_local.bench.workload import Figure, Round, Workload, expect, floor, sage

DAY_MS = 86_400_000
Record = tuple[int, int, int]


def record(number: int) -> Record:
    """Key, value, time."""
    return number, number & 1023, 0


def check(folder: Path, keys: int, held: int) -> None:
    """One result per key."""
    expect("keys", keys, held)


def reduce_dict(folder: Path, keys: int) -> int:
    """Records by key."""
    state: dict[int, Record] = {}
    for number in range(keys):
        state[number] = record(number)
    return len(state)


def window_dict(folder: Path, keys: int) -> int:
    """Accumulators by key."""
    state: dict[int, list[int]] = {}
    for number in range(keys):
        key, value, _ = record(number)
        state[key] = [value, 1, value]
    return len(state)


def _stream(keys: int) -> Any:
    from sage_local import LocalEnvironment

    env = LocalEnvironment("state", config={"parallelism": 1})
    return env, env.from_collection(range(keys)).map(record)


def reduce_state(folder: Path, keys: int) -> int:
    """Ours, a reduce."""
    env, stream = _stream(keys)
    stream.key_by(lambda each: each[0]).reduce(lambda a, b: b).sink(lambda each: None)
    return _at_the_sink(env)


def window_state(folder: Path, keys: int) -> int:
    """Ours, one window."""
    from sage_local import Count, Max, Sum, TumblingEventTimeWindows, WatermarkStrategy

    env, stream = _stream(keys)
    strategy = WatermarkStrategy.for_monotonous_timestamps().with_timestamp_assigner(lambda each: each[2])
    keyed = stream.assign_timestamps_and_watermarks(strategy).key_by(lambda each: each[0])
    windowed = keyed.window(TumblingEventTimeWindows.of(DAY_MS))
    windowed.aggregate(total=Sum(1), n=Count(), most=Max(1)).sink(lambda result: None)
    return _at_the_sink(env)


def _at_the_sink(env: Any) -> int:
    records: int = env.submit().operators[-1].records_in
    return records


def _bytes_per_key(contestant: str) -> Figure:
    def of(the: Round) -> float:
        return (the(contestant, "peak_bytes") - the(contestant, "start_up_bytes")) / the(contestant, "records")

    return Figure(f"bytes per key, {contestant}", of)


CONTESTANTS = {
    "reduce, dict": floor(reduce_dict),
    "reduce, 1 worker": sage(reduce_state),
    "window, dict": floor(window_dict),
    "window, 1 worker": sage(window_state),
}

WORKLOADS = (
    Workload(
        name="state",
        title="memory of state per key",
        records=1_000_000,
        few=10_000,
        check=check,
        contestants=CONTESTANTS,
        figures=tuple(_bytes_per_key(name) for name in CONTESTANTS),
    ),
)

if __name__ == "__main__":
    compete(WORKLOADS)
