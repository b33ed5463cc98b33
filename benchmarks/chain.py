"""A stateless chain of three lambdas and a sink against the same four calls in one hand-written loop."""

from _program import main

plus = lambda x: x + 1  # noqa: E731  # the subject is lambdas
odd = lambda x: x % 3  # noqa: E731
minus = lambda x: x - 1  # noqa: E731
discard = lambda x: None  # noqa: E731


def loop(records: int) -> int:
    for x in range(records):
        y = plus(x)
        if odd(y):
            discard(minus(y))
    return records


def sage(records: int) -> int:
    from sage_local import LocalEnvironment

    env = LocalEnvironment("chain", config={"parallelism": 1})
    env.from_collection(range(records)).map(plus).filter(odd).map(minus).sink(discard)
    env.submit()
    return records


if __name__ == "__main__":
    main({"loop": loop, "sage": sage}, few=10_000, many=10_000_000)
