import pytest
from hypothesis import given
from hypothesis import strategies as st

from sage_local.core.elements import MAX_TIMESTAMP
from sage_local.runtime.state.timers import Timer, Timers


def test_timers_come_in_order_of_time_and_then_of_registration():
    timers = Timers()
    for timestamp, key in [(5, "b"), (3, "a"), (5, "a"), (9, "c")]:
        timers.register(timestamp, key)
    assert list(timers.pop_due(5)) == [Timer(3, "a"), Timer(5, "b"), Timer(5, "a")]
    assert timers.next_timestamp() == 9


def test_the_same_timer_twice_is_one_timer():
    timers = Timers()
    for _ in range(3):
        timers.register(5, "a")
        timers.register(5, "a", "window")
    assert len(timers) == 2
    assert list(timers.pop_due(10)) == [Timer(5, "a"), Timer(5, "a", "window")]
    assert len(timers) == 0


def test_a_deleted_timer_does_not_come():
    timers = Timers()
    timers.register(5, "a")
    timers.register(6, "b")
    timers.delete(5, "a")
    timers.delete(5, "a")
    timers.delete(7, "never there")
    assert timers.next_timestamp() == 6
    timers.register(5, "a")
    assert list(timers.pop_due(10)) == [Timer(5, "a"), Timer(6, "b")]


def test_timers_registered_while_popping_come_in_the_same_sweep_if_due():
    timers = Timers()
    timers.register(1, "a")
    popped = []
    for timer in timers.pop_due(10):
        popped.append(timer.timestamp)
        timers.register(timer.timestamp + 4, "a")
    assert popped == [1, 5, 9]
    assert timers.next_timestamp() == 13


def test_timers_deleted_while_popping_do_not_come():
    timers = Timers()
    for key in "abc":
        timers.register(1, key)
    popped = []
    for timer in timers.pop_due(1):
        popped.append(timer.key)
        timers.delete(1, "b")
    assert popped == ["a", "c"]


def test_the_heap_does_not_grow_with_deleted_timers():
    """A timer moved on with every record leaves one heap entry, not one per record."""
    timers = Timers()
    timers.register(0, "a")
    for now in range(10_000):
        timers.delete(now, "a")
        timers.register(now + 1, "a")
    assert len(timers._heap) < 200


@pytest.mark.slow
def test_timers_cost_logarithmic_comparisons():
    """Counted, not timed: a heap of n asks for at most about 2 log2(n) comparisons for a push and a pop together."""

    class Counted(int):
        comparisons = 0

        def __lt__(self, other: int) -> bool:
            Counted.comparisons += 1
            return int.__lt__(self, other)

        __hash__ = int.__hash__

    timers = Timers()
    for number in range(1 << 17):
        timers.register(number * 7919 % 131_101, number)
    Counted.comparisons = 0
    for number in range(100):
        timers.register(Counted(number * 10_007 + 200_000), number)
    assert Counted.comparisons <= 100 * 18
    popped = [timer.timestamp for timer in timers.pop_due(131_101)]
    assert len(popped) == 1 << 17
    assert popped == sorted(popped)
    assert len(timers) == 100


def test_at_the_end_a_key_wakes_no_later_than_it_would_have():
    timers = Timers()
    for timestamp, key in [(10, "a"), (20, "b"), (30, "a"), (500, "c"), (MAX_TIMESTAMP, "b")]:
        timers.register(timestamp, key)
    woken = []
    for timer in timers.pop_at_end():
        woken.append(timer[:2])
        if timer.timestamp < MAX_TIMESTAMP:
            timers.register(timer.timestamp + 10, timer.key)
    assert woken == [(10, "a"), (20, "b"), (20, "a"), (30, "a"), (500, "c"), (MAX_TIMESTAMP, "b")]
    assert sorted(timer[:2] for timer in timers) == [(30, "b"), (40, "a"), (510, "c")]


def test_the_end_goes_on_where_it_was_left():
    timers = Timers()
    timers.register(1, "a")
    for timer in timers.pop_at_end():
        timers.register(2, timer.key)
        break
    assert list(timers.pop_at_end()) == []
    assert list(timers) == [Timer(2, "a")]


steps = st.lists(
    st.tuples(st.sampled_from(["register", "delete", "pop"]), st.integers(-5, 5), st.sampled_from("ab"), st.booleans()),
    max_size=60,
)


@given(steps)
def test_timers_are_a_sorted_set(steps):
    timers = Timers()
    model: set[Timer] = set()
    for what, timestamp, key, namespace in steps:
        timer = Timer(timestamp, key, namespace)
        if what == "register":
            timers.register(*timer)
            model.add(timer)
        elif what == "delete":
            timers.delete(*timer)
            model.discard(timer)
        else:
            popped = list(timers.pop_due(timestamp))
            due = {each for each in model if each.timestamp <= timestamp}
            assert [each.timestamp for each in popped] == sorted(each.timestamp for each in due)
            assert set(popped) == due
            model -= due
        assert len(timers) == len(model)
        assert set(timers) == model
        assert timers.next_timestamp() == min((each.timestamp for each in model), default=None)
