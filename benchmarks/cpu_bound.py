"""A function that computes for tens of microseconds, on two workers against two independent processes."""

import multiprocessing

from _program import main

RECORDS = 60_000


def work(seed: int) -> int:
    value = seed
    for _ in range(600):
        value = (value * 1103515245 + 12345) & 0x7FFFFFFF
    return value


def half(start: int) -> int:
    return sum(work(x) & 1 for x in range(start, RECORDS, 2))


def two_processes() -> int:
    with multiprocessing.get_context("fork").Pool(2) as pool:
        pool.map(half, [0, 1])
    return RECORDS


def sage() -> int:
    from sage_local import LocalEnvironment

    env = LocalEnvironment("cpu-bound", config={"parallelism": 2})
    odd = env.from_collection(range(RECORDS)).map(work).filter(lambda x: x & 1).collect()
    assert len(odd) > 0
    return RECORDS


if __name__ == "__main__":
    main({"two": two_processes, "sage2": sage})
