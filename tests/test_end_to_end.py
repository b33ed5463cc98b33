"""Streams as users see them, on both engines: what goes in and what comes out."""

from collections import Counter

import pytest

from sage_local import AggregateFunction, KeySelector, LocalEnvironment, OperatorError

NUMBERS = range(1000)


@pytest.fixture(params=["inline", "processes"])
def environment(request):
    """Makes environments of an engine."""

    def environment(parallelism=2, mode="streaming"):
        config = {
            "execution": {"engine": request.param, "runtime-mode": mode, "parallelism": parallelism},
        }
        return LocalEnvironment("end-to-end", config)

    return environment


@pytest.fixture
def batch(environment):
    return environment(mode="batch")


class Modulo(KeySelector[int, int]):
    def __init__(self, divisor):
        self.divisor = None
        self.given = divisor

    def open(self, context):
        self.divisor = self.given

    def get_key(self, value):
        return value % self.divisor


class Span(AggregateFunction[int, list[int], int]):
    def create_accumulator(self):
        return []

    def add(self, accumulator, value):
        return [*accumulator, value]

    def get_result(self, accumulator):
        return max(accumulator) - min(accumulator)


@pytest.mark.parametrize("parallelism", [1, 3])
def test_records_of_a_single_source_stay_in_order(environment, parallelism):
    numbers = environment(parallelism).from_collection(NUMBERS)
    stream = numbers.map(lambda n: n + 1).filter(lambda n: n % 3).flat_map(lambda n: [n] * (n % 3))
    assert stream.collect() == [n for m in NUMBERS for n in [m + 1] * ((m + 1) % 3)]


def test_every_record_is_a_value_also_none(environment):
    assert environment().from_collection([None, 0, "", None]).collect() == [None, 0, "", None]


def test_a_stream_used_twice_gives_all_records_twice(environment):
    numbers = environment().from_collection(NUMBERS)
    both = numbers.map(lambda n: ("a", n)).union(numbers.map(lambda n: ("b", n)))
    assert sorted(both.collect()) == sorted((name, n) for name in "ab" for n in NUMBERS)


def test_rebalance_loses_nothing_and_broadcast_gives_everybody_everything(environment):
    numbers = environment().from_collection(NUMBERS)
    assert sorted(numbers.rebalance().map(abs).collect()) == list(NUMBERS)
    assert Counter(numbers.broadcast().map(abs, parallelism=2).collect()) == dict.fromkeys(NUMBERS, 2)


def test_a_rolling_aggregate_emits_every_update(environment):
    results = environment().from_collection("abab").key_by(lambda letter: letter).count().collect()
    assert sorted(results) == [("a", 1), ("a", 2), ("b", 1), ("b", 2)]


def test_in_batch_mode_an_aggregate_emits_once_per_key_also_with_fewer_records_than_subtasks(batch):
    """The second subtask of everything gets empty frames only."""
    words = batch.from_collection(["to be or not to be"]).flat_map(str.split)
    counts = words.key_by(lambda word: word).count().collect()
    assert sorted(counts) == [("be", 2), ("not", 1), ("or", 1), ("to", 2)]


@pytest.mark.parametrize(
    ("aggregate", "expected"),
    [
        (lambda keyed: keyed.sum(), [(0, 166833), (1, 166167), (2, 166500)]),
        (lambda keyed: keyed.min(lambda n: -n), [(0, -999), (1, -997), (2, -998)]),
        (lambda keyed: keyed.max(), [(0, 999), (1, 997), (2, 998)]),
        (lambda keyed: keyed.mean(), [(0, 499.5), (1, 499.0), (2, 500.0)]),
        (lambda keyed: keyed.aggregate(Span()), [(0, 999), (1, 996), (2, 996)]),
        (lambda keyed: keyed.reduce(lambda a, b: a + b), [166167, 166500, 166833]),
    ],
)
def test_aggregates_of_each_key(batch, aggregate, expected):
    assert sorted(aggregate(batch.from_collection(NUMBERS).key_by(Modulo(3))).collect()) == expected


def test_a_map_behind_key_by_keeps_the_keys_that_its_records_came_with(batch):
    keyed = batch.from_collection(NUMBERS).key_by(lambda n: n % 7)
    ones = keyed.map(lambda n: 1).filter(bool).flat_map(lambda one: [one, one])
    assert sorted(ones.count().collect()) == [(key, 2 * len(NUMBERS[key::7])) for key in range(7)]


def test_each_key_is_seen_in_one_place_and_in_order(environment):
    numbers = environment(parallelism=3).from_collection(NUMBERS)
    seen: dict[int, list[int]] = {}
    for n in numbers.key_by(lambda n: n % 10).map(lambda n: n).collect():
        seen.setdefault(n % 10, []).append(n)
    assert seen == {key: list(NUMBERS[key::10]) for key in range(10)}


def test_a_failing_function_names_operator_and_record_and_keeps_its_exception(environment):
    stream = environment().from_collection(NUMBERS).map(lambda n: 1 / (n - 500), name="divide")
    with pytest.raises(OperatorError, match=r"operator 'divide' .* failed on record 500: ZeroDivisionError") as raised:
        stream.collect()
    assert isinstance(raised.value.__cause__, ZeroDivisionError)


def test_the_result_counts_records_of_every_operator(environment, capfd):
    env = environment()
    env.from_collection(NUMBERS).filter(lambda n: n % 2).sink(lambda n: None)
    result = env.submit()
    assert [(each.name, each.records_in, each.records_out) for each in result.operators] == [
        ("from_collection", 0, 1000),
        ("filter", 1000, 500),
        ("sink", 500, 0),
    ]


def test_records_that_are_left_out_are_told_of_at_the_end_of_the_job(environment, capfd):
    env = environment()
    env.from_collection(["1", "two", "3"]).map(int, on_error="skip").print()
    env.submit()
    told = "sage: operator 'int': 1 of 3 records failed and were skipped or diverted (on_error)\n"
    assert capfd.readouterr() == ("1\n3\n", told)
