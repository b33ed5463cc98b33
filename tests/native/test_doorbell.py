"""The doorbell: no wake-up is lost, none is sent to somebody awake."""

import math
import os
import select
import signal
import threading
from collections.abc import Iterator

import pytest

from sage_local.runtime.native import DOORBELL_BYTES, RING_HEADER_BYTES, Doorbell, RingReader, RingWriter, Segment

CAPACITY = 1024


@pytest.fixture
def segment() -> Segment:
    return Segment.create("test", 64 * 1024)


@pytest.fixture
def eventfd() -> Iterator[int]:
    fd = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
    yield fd
    os.close(fd)


def word(segment: Segment) -> int:
    return int.from_bytes(segment.view(0, 4), "little")


def test_a_notifier_leaves_somebody_awake_alone(segment: Segment):
    assert Doorbell(segment, 0).notify() is False
    assert word(segment) == 0


def test_one_wake_for_each_parking(segment: Segment):
    waiter, notifier = Doorbell(segment, 0), Doorbell(segment, 0)
    waiter.arm()
    assert word(segment) == 1
    assert notifier.notify() is True
    assert notifier.notify() is False
    assert word(segment) == 0


def test_waiting_ends_at_once_when_rung_before(segment: Segment):
    """The comparison inside FUTEX_WAIT closes the gap between looking and sleeping."""
    doorbell = Doorbell(segment, 0)
    doorbell.arm()
    doorbell.notify()
    assert doorbell.wait(math.inf) is True


def test_waiting_ends_with_the_timeout(segment: Segment):
    doorbell = Doorbell(segment, 0)
    doorbell.arm()
    assert doorbell.wait(0.001) is False
    assert word(segment) == 0
    doorbell.arm()
    assert doorbell.wait(-1) is False


def test_disarming_makes_notifying_free(segment: Segment):
    doorbell = Doorbell(segment, 0)
    doorbell.arm()
    doorbell.disarm()
    assert doorbell.notify() is False


def test_another_thread_wakes_a_sleeper(segment: Segment):
    waiter = Doorbell(segment, 0)
    waiter.arm()
    notifier = threading.Thread(target=Doorbell(segment, 0).notify)
    notifier.start()
    assert waiter.wait(math.inf) is True
    notifier.join()


def test_the_unconditional_wake_reaches_a_sleeper_whose_notifier_died(segment: Segment):
    """Dead between its exchange and its FUTEX_WAKE: the word is 0, and the waiter sleeps."""
    waiter = Doorbell(segment, 0)
    waiter.arm()
    woken = threading.Event()

    def sleep() -> None:
        while not waiter.wait(math.inf):
            pass
        woken.set()

    sleeper = threading.Thread(target=sleep)
    sleeper.start()
    segment.view(0, 4)[:] = bytes(4)
    assert Doorbell(segment, 0).notify() is False
    while not woken.wait(0.001):
        Doorbell(segment, 0).wake()
    sleeper.join()


def test_the_unconditional_wake_is_seen_by_a_waiter_about_to_sleep(segment: Segment):
    waiter = Doorbell(segment, 0)
    waiter.arm()
    Doorbell(segment, 0).wake()
    assert waiter.wait(math.inf) is True


def test_an_event_loop_is_woken_through_its_eventfd(segment: Segment, eventfd: int):
    waiter, notifier = Doorbell(segment, 0, eventfd), Doorbell(segment, 0, eventfd)
    waiter.arm(2)
    assert notifier.notify() is True
    assert select.select([eventfd], [], [], 0)[0] == [eventfd]
    assert os.eventfd_read(eventfd) == 1
    assert notifier.notify() is False
    assert select.select([eventfd], [], [], 0)[0] == []


def test_the_unconditional_wake_reaches_an_event_loop_too(segment: Segment, eventfd: int):
    Doorbell(segment, 0, eventfd).wake()
    assert os.eventfd_read(eventfd) == 1


def test_a_full_eventfd_counts_as_rung(segment: Segment, eventfd: int):
    os.eventfd_write(eventfd, 2**64 - 2)
    doorbell = Doorbell(segment, 0, eventfd)
    doorbell.arm(2)
    assert doorbell.notify() is True


def test_a_notifier_without_the_eventfd_says_so_and_leaves_the_word(segment: Segment, eventfd: int):
    Doorbell(segment, 0, eventfd).arm(2)
    with pytest.raises(RuntimeError, match="eventfd"):
        Doorbell(segment, 0).notify()
    assert word(segment) == 2
    assert Doorbell(segment, 0, eventfd).notify() is True


def test_a_waiter_without_an_eventfd_can_not_park_on_one(segment: Segment):
    with pytest.raises(RuntimeError, match="eventfd"):
        Doorbell(segment, 0).arm(2)


@pytest.mark.parametrize("value", [0, 3, -1])
def test_only_the_two_ways_of_parking_exist(segment: Segment, value: int):
    with pytest.raises(ValueError, match="word must be"):
        Doorbell(segment, 0).arm(value)


def test_a_timeout_must_be_a_number(segment: Segment):
    with pytest.raises(ValueError, match="nan"):
        Doorbell(segment, 0).wait(math.nan)


def test_a_signal_runs_its_handler_and_ends_the_wait(segment: Segment):
    doorbell = Doorbell(segment, 0)
    seen: list[int] = []
    before = signal.signal(signal.SIGUSR1, lambda number, frame: seen.append(number))
    timer = threading.Timer(0.01, signal.pthread_kill, (threading.get_ident(), signal.SIGUSR1))
    try:
        doorbell.arm()
        timer.start()
        assert doorbell.wait(30) is True
        assert seen == [signal.SIGUSR1]
    finally:
        timer.join()
        signal.signal(signal.SIGUSR1, before)


def test_an_exception_of_a_signal_handler_comes_out_of_the_wait(segment: Segment):
    class StopWaiting(Exception):
        pass

    def handler(number: int, frame: object) -> None:
        raise StopWaiting

    before = signal.signal(signal.SIGUSR1, handler)
    timer = threading.Timer(0.01, signal.pthread_kill, (threading.get_ident(), signal.SIGUSR1))
    try:
        Doorbell(segment, 0).arm()
        timer.start()
        with pytest.raises(StopWaiting):
            Doorbell(segment, 0).wait(30)
    finally:
        timer.join()
        signal.signal(signal.SIGUSR1, before)


def test_ping_and_pong_between_two_processes_that_always_park():
    """Each parks before every message: a single lost wake-up would hang this test."""
    segment = Segment.create("test", 2 * (DOORBELL_BYTES + RING_HEADER_BYTES + CAPACITY))
    doorbells = [Doorbell(segment, 0), Doorbell(segment, DOORBELL_BYTES)]
    offsets = [2 * DOORBELL_BYTES, 2 * DOORBELL_BYTES + RING_HEADER_BYTES + CAPACITY]

    def play(me: int, rounds: int) -> None:
        reader, writer = RingReader(segment, offsets[me], CAPACITY), RingWriter(segment, offsets[1 - me], CAPACITY)
        for number in range(rounds):
            if me == 0:
                assert writer.try_write(number, 0, b"ping")
                doorbells[1].notify()
            doorbells[me].arm()
            while not reader.ready:
                doorbells[me].wait(math.inf)
                doorbells[me].arm()
            doorbells[me].disarm()
            record = reader.peek()
            assert record is not None
            assert record[0] == number
            del record
            reader.release()
            if me == 1:
                assert writer.try_write(number, 0, b"pong")
                doorbells[0].notify()

    child = os.fork()
    if child == 0:
        status = 1
        try:
            play(1, 2000)
            status = 0
        finally:
            os._exit(status)
    play(0, 2000)
    assert os.waitpid(child, 0)[1] == 0
