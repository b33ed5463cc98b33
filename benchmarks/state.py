"""Memory of state per key, against a bare dict of the same values: read the peak of ``many`` less that of ``few``.

Every key has one record. ``reduce`` keeps it as it is; ``window`` keeps sum, count and maximum, as lists in the dict.
"""

from typing import Any

from _program import main

DAY_MS = 86_400_000

Record = tuple[int, int, int]


def record(i: int) -> Record:
    return i, i & 1023, 0


def reduce_dict(keys: int) -> int:
    state: dict[int, Record] = {}
    for i in range(keys):
        state[i] = record(i)
    return len(state)


def window_dict(keys: int) -> int:
    state: dict[int, list[int]] = {}
    for i in range(keys):
        key, value, _ = record(i)
        state[key] = [value, 1, value]
    return len(state)


def _stream(keys: int) -> Any:
    from sage_local import LocalEnvironment

    env = LocalEnvironment("state", config={"parallelism": 1})
    return env, env.from_collection(range(keys)).map(record)


def reduce_sage(keys: int) -> int:
    env, stream = _stream(keys)
    stream.key_by(lambda each: each[0]).reduce(lambda a, b: b).sink(lambda each: None)
    env.submit()
    return keys


def window_sage(keys: int) -> int:
    from sage_local import Count, Max, Sum, TumblingEventTimeWindows, WatermarkStrategy

    env, stream = _stream(keys)
    strategy = WatermarkStrategy.for_monotonous_timestamps().with_timestamp_assigner(lambda each: each[2])
    keyed = stream.assign_timestamps_and_watermarks(strategy).key_by(lambda each: each[0])
    windowed = keyed.window(TumblingEventTimeWindows.of(DAY_MS))
    windowed.aggregate(total=Sum(1), n=Count(), most=Max(1)).sink(lambda result: None)
    env.submit()
    return keys


if __name__ == "__main__":
    main(
        {
            "reduce-dict": reduce_dict,
            "reduce-sage": reduce_sage,
            "window-dict": window_dict,
            "window-sage": window_sage,
        },
        few=10_000,
        many=1_000_000,
    )
