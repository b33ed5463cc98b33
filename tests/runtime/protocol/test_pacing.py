"""How much is taken and how much is on the way. Times are made up: nothing here waits."""

from sage_local.runtime.protocol.pacing import UNMEASURED_ROWS, Flight, Pacer, Rate
from sage_local.runtime.protocol.spinning import MAX_BUDGET_US, SpinBudget

MS = 1_000_000


def pacer() -> Pacer:
    return Pacer(timeout_ms=100, max_rows=4096)


def flight() -> Flight:
    return Flight(timeout_ms=100, max_rows=4096)


def test_a_source_begins_with_single_records_and_at_most_doubles():
    paced = pacer()
    taken = []
    for _ in range(14):
        taken.append(paced.rows)
        paced.observe(paced.rows, paced.rows, None)
    assert taken == [min(2**n, 4096) for n in range(14)]


def test_records_that_take_longer_than_a_frame_is_worth_travel_singly():
    paced = pacer()
    for _ in range(5):
        paced.observe(paced.rows, paced.rows * 20 * MS, None)
    assert paced.rows == 1


def test_a_slow_receiver_keeps_the_frames_of_a_fast_source_small():
    paced = pacer()
    for _ in range(10):
        paced.observe(paced.rows, 1000, 1 / MS)
    assert paced.rows == 20


def test_a_receiver_not_measured_yet_is_waited_for():
    paced = pacer()
    paced.observe(1, 1000, 0.0)
    assert paced.rows == 1


def test_a_slowdown_counts_at_once_and_a_speed_up_by_half():
    rate = Rate()
    rate.observe(100, 100)
    rate.observe(10, 100)
    assert rate.per_ns == 0.1
    rate.observe(100, 100)
    assert rate.per_ns == 0.55


def test_two_frames_may_be_on_the_way_whatever_the_rate():
    sent = flight()
    assert sent.has_room
    sent.sent(4096, 1, 0)
    assert sent.has_room
    sent.sent(4096, 2, 0)
    assert not sent.has_room


def test_what_is_on_the_way_is_bounded_by_the_time_it_takes():
    sent = flight()
    sent.sent(10, 1, 0)
    sent.observe(1, 10 * MS)
    serial = 1
    while sent.has_room:
        serial += 1
        sent.sent(10, serial, 10 * MS)
    assert (serial - 1) * 10 == 100


def test_a_frame_counts_as_consumed_with_its_last_record():
    sent = flight()
    sent.sent(50, 3, 0)
    sent.observe(2, MS)
    assert sent.consumed_per_ns == 0.0
    sent.observe(3, MS)
    assert sent.consumed_per_ns == 50 / MS


def test_time_without_anything_to_consume_is_not_counted():
    sent = flight()
    sent.sent(1, 1, 0)
    sent.sent(1, 2, 100)
    sent.observe(1, 1)
    sent.observe(2, 101)
    assert sent.consumed_per_ns == 1


def test_two_releases_that_are_seen_as_one_count_with_the_time_of_both():
    sent = flight()
    sent.sent(1, 1, 0)
    sent.sent(1, 2, 0)
    sent.observe(1, 2)
    sent.observe(2, 2)
    assert sent.consumed_per_ns == 0.5


def test_empty_frames_tell_nothing_of_the_consumer():
    """A filter may leave nothing of thousands of turns: that must not be taken for a receiver still to be measured."""
    sent = flight()
    sent.sent(0, 1, 0)
    assert sent.consumed_per_ns is None


def test_frames_to_an_unknown_consumer_are_small():
    assert flight().rows_wanted == UNMEASURED_ROWS


def test_spinning_stops_when_it_does_not_pay_and_comes_back_when_sleeps_are_short():
    budget = SpinBudget(allowed=True)
    for _ in range(50):
        budget.missed()
    assert budget.us == 0.0
    for _ in range(50):
        budget.found()
    assert budget.us == MAX_BUDGET_US


def test_a_worker_on_a_shared_cpu_never_spins():
    budget = SpinBudget(allowed=False)
    budget.found()
    assert budget.us == 0.0
