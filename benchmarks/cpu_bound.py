"""A function that computes for tens of microseconds, on two workers against two independent processes."""

import multiprocessing

from _program import main


def work(seed: int) -> int:
    value = seed
    for _ in range(600):
        value = (value * 1103515245 + 12345) & 0x7FFFFFFF
    return value


def half(part: range) -> int:
    return sum(work(x) & 1 for x in part)


def two_processes(records: int) -> int:
    with multiprocessing.get_context("fork").Pool(2) as pool:
        pool.map(half, [range(0, records, 2), range(1, records, 2)])
    return records


def sage(records: int) -> int:
    from sage_local import LocalEnvironment

    env = LocalEnvironment("cpu-bound", config={"parallelism": 2})
    odd = env.from_collection(range(records)).map(work).filter(lambda x: x & 1).collect()
    assert len(odd) > 0
    return records


if __name__ == "__main__":
    main({"two": two_processes, "sage2": sage}, few=100, many=100_000)
