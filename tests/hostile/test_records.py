"""Records and keys of every size and kind."""

import pytest

from sage_local import OperatorError


def test_records_of_any_size_pass_through_rings_of_the_smallest(environment):
    env = environment(ring__max_size="4kb", ring__min_size="4kb")
    sizes = [0, 511, 512, 513, 4096, 300_000, 3_000_000]
    blocks = env.from_collection(sizes).map(lambda size: b"x" * size).rebalance().map(lambda block: block + b"y")
    assert sorted(map(len, blocks.rebalance().collect())) == [size + 1 for size in sizes]


def test_a_record_larger_than_every_ring_of_the_job_passes(environment):
    """There is no arena for rows that it would have to fit into either."""
    huge = environment().from_collection([1]).rebalance().map(lambda _: b"x" * 40_000_000)
    assert huge.rebalance().map(len).collect() == [40_000_000]


def test_a_record_that_is_nested_too_deeply_fails_the_job(environment):
    def nested(_):
        outer = []
        for _ in range(100_000):
            outer = [outer]
        return outer

    with pytest.raises(OperatorError, match="RecursionError: maximum recursion depth exceeded while pickling"):
        environment().from_collection([1]).map(nested).collect()


@pytest.mark.parametrize(
    ("key", "message"),
    [
        (float("nan"), r"NaN can not be a key: it is not equal to itself; found key nan"),
        ((1, float("nan")), r"NaN can not be a key: it is not equal to itself; found key \(1, nan\)"),
        ([1], r"expected a key of int, str, .*, found list: \[1\]"),
        ({1}, r"expected a key of int, str, .*, found set: \{1\}"),
        ({}, r"expected a key of int, str, .*, found dict: \{\}"),
        (object, r"expected a key of int, str, .*, found type: "),
    ],
    ids=["NaN", "NaN in a tuple", "list", "set", "dict", "class"],
)
@pytest.mark.parametrize("parallelism", [1, 2])
def test_what_can_not_be_a_key_names_operator_record_and_key(environment, key, message, parallelism):
    # Of the environment of one subtask the keys never leave their worker.
    keyed = environment(parallelism).from_collection([7]).key_by(lambda _: key)
    with pytest.raises(OperatorError, match=rf"operator 'count' .* failed on record 7: .*InvalidKeyError: {message}"):
        keyed.count().collect()


def one_in_a_million(number):
    return 1 // (number - 777_777) and number % 10


@pytest.mark.parametrize(("mode", "operator"), [("streaming", "count"), ("batch", r"count \(combine\)")])
def test_a_key_function_that_raises_on_one_record_in_a_million_names_that_record(environment, mode, operator):
    numbers = environment(execution__runtime_mode=mode).from_collection(range(1_000_000))
    with pytest.raises(OperatorError, match=rf"'{operator}' .* failed on record 777777: ZeroDivisionError"):
        numbers.key_by(one_in_a_million).count().collect()


def test_records_of_classes_of_the_program_itself_keep_their_class_in_every_process(program):
    """Workers have another ``__main__``, and can not find them there by name alone."""
    done = program(
        """
        import enum
        from collections import namedtuple
        from dataclasses import dataclass
        from sage_local import LocalEnvironment

        @dataclass(frozen=True)
        class Order:
            item: str
            class Line:
                def __init__(self, n): self.n = n

        class Colour(enum.Enum):
            RED = 1

        class Number(int):
            pass

        Point = namedtuple("Point", "x y")

        def check(record):
            assert type(record) in (Order, Order.Line, Colour, Number, Point), type(record)
            return record

        made = [Order("tea"), Order.Line(1), Colour.RED, Number(3), Point(1, 2)]
        env = LocalEnvironment("hostile", config={"parallelism": 2})
        got = env.from_collection(made).rebalance().map(check).rebalance().map(check).collect()
        assert [type(each) for each in sorted(got, key=str)] == [type(each) for each in sorted(made, key=str)], got
        assert Colour.RED in got and Order("tea") in got
        keyed = env.from_collection(made[:1] * 3 + made[2:3] * 2).key_by(lambda record: record).count()
        assert sorted(keyed.map(lambda pair: pair[1]).collect()) == [1, 1, 2, 2, 3]
        print("same")
        """
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "same\n", "")
