"""The inline engine: the same operators, channels and duty cycle as in workers, all in this thread."""

from collections import Counter, defaultdict

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sage_local.errors import OperatorError
from tests.runtime.worker.programs import Journal, Pushed, Splits, Watched, Writes, environment

NUMBERS = range(300)


@pytest.mark.parametrize(("first", "second"), [(1, 1), (1, 4), (4, 1), (4, 2), (2, 4), (3, 2), (2, 3)])
def test_order_is_kept_between_stages_of_any_width(first, second):
    stream = environment().from_collection(NUMBERS).map(lambda n: n, parallelism=first)
    assert stream.map(lambda n: n, parallelism=second).collect() == list(NUMBERS)


@pytest.mark.parametrize(("first", "second"), [(4, 2), (2, 3)])
def test_order_is_kept_where_records_become_none_or_many(first, second):
    stream = environment().from_collection(NUMBERS).flat_map(lambda n: [n] * (n % 4), parallelism=first)
    stream = stream.filter(lambda n: n % 5, parallelism=second).flat_map(lambda n: [n, n], parallelism=first)
    assert stream.collect() == [n for n in NUMBERS if n % 5 for _ in range(2 * (n % 4))]


def test_order_is_kept_where_one_record_explodes():
    stream = environment().from_collection([10_000, 3, 10_000]).flat_map(range, parallelism=3)
    assert stream.map(lambda n: n, parallelism=2).collect() == [*range(10_000), *range(3), *range(10_000)]


@pytest.mark.parametrize("parallelism", [1, 2, 3])
def test_records_of_a_key_stay_in_order(parallelism):
    stream = environment(parallelism).from_collection(NUMBERS).key_by(lambda n: n % 7)
    by_key = defaultdict(list)
    for number in stream.reduce(lambda a, b: b).collect():
        by_key[number % 7].append(number)
    assert by_key == {key: list(range(key, 300, 7)) for key in range(7)}


@pytest.mark.parametrize("parallelism", [1, 2, 4])
def test_a_stream_ends_only_when_every_source_has_ended(parallelism):
    splits = [range(start, start + 10 * start + 1) for start in range(9)]
    collected = environment(parallelism).from_source(Splits(*splits)).map(lambda n: n, parallelism=3).collect()
    assert Counter(collected) == Counter(n for split in splits for n in split)


def test_records_of_a_union_all_arrive():
    env = environment(2)
    union = env.from_collection(range(100)).union(env.from_collection(range(100, 250)).map(lambda n: n))
    assert sorted(union.rebalance().map(lambda n: n).collect()) == list(range(250))


def test_a_broadcast_reaches_every_subtask():
    assert Counter(environment(3).from_collection([1, 2]).broadcast().map(lambda n: n).collect()) == {1: 3, 2: 3}


@pytest.mark.parametrize("reuse", [False, True])
def test_branches_of_a_fan_out_share_records_only_if_asked_to(reuse):
    journal = Journal(f"fan-out {reuse}")
    env = environment(**{"object.reuse": reuse})
    records = env.from_collection([["a"], ["a"]])

    def spoil(record):
        record.append("b")
        return record

    records.map(spoil).sink(Writes(journal))
    records.map(spoil).sink(Writes(journal))
    env.submit()
    assert max(len(record) for record in journal.entries) == (3 if reuse else 2)


@pytest.mark.parametrize("fails_at", ["open", 2, "close"])
def test_every_function_that_was_opened_is_closed_once(fails_at):
    journal = Journal(f"close {fails_at}")
    stream = (
        environment()
        .from_collection([1, 2, 3])
        .map(Watched(journal, "first"))
        .map(Watched(journal, "second", fails_at=fails_at))
    )
    with pytest.raises(OperatorError):
        stream.map(Watched(journal, "third"), parallelism=2).collect()
    done = Counter(journal.entries)
    assert done["second", "open"] == done["second", "close"] == 1
    assert done["first", "open"] == done["first", "close"]
    assert done["third", "open"] == done["third", "close"]


def test_functions_are_closed_at_the_end_of_input():
    journal = Journal("end")
    environment(2).from_collection([1, 2, 3]).map(Watched(journal, "map")).collect()
    assert Counter(journal.entries) == {("map", "open"): 2, ("map", "close"): 2}


def test_an_interrupt_closes_functions_and_passes_through():
    journal = Journal("interrupt")

    def interrupts(value):
        raise KeyboardInterrupt

    stream = environment().from_collection([1, 2, 3]).map(Watched(journal, "map")).map(interrupts)
    with pytest.raises(KeyboardInterrupt):
        stream.collect()
    assert journal.entries == [("map", "open"), ("map", "close")]


@pytest.mark.parametrize(
    ("build", "operator", "record"),
    [
        (lambda stream: stream.map(lambda n: 1 // (n - 5), name="culprit"), "culprit", "5"),
        (lambda stream: stream.map(str).filter(lambda s: s[1 // (int(s) - 5) :], name="culprit"), "culprit", "'5'"),
        (
            lambda stream: stream.map(str).map(lambda s: s * 2).flat_map(lambda s: [1 // (int(s) - 55)]),
            "flat_map",
            "'55'",
        ),
        (lambda stream: stream.map(str).map("01234 6789".index), "index", "'5'"),
        (lambda stream: stream.key_by(lambda n: 1 // (n - 5)).count(), "count", "5"),
        (lambda stream: stream.key_by(lambda n: 0).reduce(lambda a, b: 1 // (b - 5), name="culprit"), "culprit", "5"),
        (lambda stream: stream.key_by(lambda n: 0).sum(lambda n: 1 // (n - 5)), "sum", "5"),
        (lambda stream: stream.key_by(lambda n: [n] if n == 5 else n).count(), "count", "5"),
    ],
)
@pytest.mark.parametrize("parallelism", [1, 2])
def test_an_error_names_operator_and_record(build, operator, record, parallelism):
    stream = build(environment(parallelism).from_collection(range(10)))
    with pytest.raises(OperatorError) as raised:
        stream.collect()
    assert operator in raised.value.operator
    assert raised.value.record == record
    assert raised.value.__cause__ is not None


def test_a_push_source_is_read_to_its_end_and_closed():
    journal = Journal("push")
    assert environment().from_source(Pushed(journal, 20_000)).map(lambda n: n).collect() == list(range(20_000))
    assert journal.entries == ["close"]


def test_a_push_source_that_raises_fails_the_job_behind_its_records():
    journal = Journal("push fails")

    class Broken(Pushed):
        def run(self, ctx):
            super().run(ctx)
            raise ValueError("gone")

    env = environment()
    env.from_source(Broken(journal, 5), name="pushed").sink(Writes(journal))
    with pytest.raises(OperatorError, match=r"pushed.*gone"):
        env.submit()
    assert journal.entries[:5] == [0, 1, 2, 3, 4]


def test_every_subtask_has_functions_of_its_own():
    class Counting:
        def __init__(self):
            self.count = 0

        def __call__(self, value):
            self.count += 1
            return self.count

    counting = Counting()
    counts = environment().from_collection(range(64)).map(counting, parallelism=4).collect()
    assert max(counts) < 64
    assert counting.count == 0


def test_counts_of_every_operator_are_exact():
    env = environment(3)
    stream = env.from_collection(range(100)).map(lambda n: n, name="map").filter(lambda n: n % 2, name="odd")
    stream.filter(lambda n: n % 3, name="rest").flat_map(lambda n: [n, n], name="twice").sink(
        lambda n: None, name="sink"
    )
    operators = {each.name: (each.records_in, each.records_out) for each in env.submit().operators}
    assert operators["map"] == (100, 100)
    assert operators["odd"] == (100, 50)
    assert operators["rest"] == (50, 33)
    assert operators["twice"] == (33, 66)
    assert operators["sink"][0] == 66


STEPS = {
    "increment": (lambda s, p: s.map(lambda n: n + 1, parallelism=p), lambda ns: [n + 1 for n in ns]),
    "odd": (lambda s, p: s.filter(lambda n: n % 2, parallelism=p), lambda ns: [n for n in ns if n % 2]),
    "repeat": (
        lambda s, p: s.flat_map(lambda n: [n] * (n % 3), parallelism=p),
        lambda ns: [n for n in ns for _ in range(n % 3)],
    ),
    "pour": (
        lambda s, p: s.flat_map(lambda n: iter(range(n % 4)), parallelism=p),
        lambda ns: [m for n in ns for m in range(n % 4)],
    ),
    "rebalance": (lambda s, p: s.rebalance(), lambda ns: ns),
    "double": (lambda s, p: s.union(s.map(lambda n: -n, parallelism=p)), lambda ns: [*ns, *(-n for n in ns)]),
    "largest": (
        lambda s, p: s.key_by(lambda n: n % 5).reduce(max, parallelism=p),
        lambda ns: [max(n for n in ns if n % 5 == rest) for rest in {n % 5 for n in ns}],
    ),
}


@settings(max_examples=40)
@given(
    st.lists(st.integers(-20, 20), max_size=60),
    st.lists(st.tuples(st.sampled_from(sorted(STEPS)), st.integers(1, 4)), max_size=6),
    st.integers(1, 4),
)
def test_a_random_graph_computes_what_plain_python_does(numbers, steps, parallelism):
    """In order as long as nothing in the graph gives up order."""
    stream = environment(parallelism, **{"execution.runtime-mode": "batch"}).from_collection(numbers)
    expected = numbers
    for step, width in steps:
        build, plain = STEPS[step]
        stream, expected = build(stream, width), plain(expected)
    collected = stream.collect()
    if {"rebalance", "double", "largest"}.isdisjoint(step for step, _ in steps):
        assert collected == expected
    assert Counter(collected) == Counter(expected)
