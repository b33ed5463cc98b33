"""What is collected leaves at once where it is rare, and together where it is dense."""

import pickle

import pytest

from sage_local.core.elements import Barrier, Rows
from sage_local.runtime.codec.rows import decode
from sage_local.runtime.control.endpoint import ControlSender
from sage_local.runtime.protocol.messages import Collected, CollectedUpTo
from sage_local.runtime.worker.collecting import CollectOutput

MS = 1_000_000


class Reported:
    """A ring with ``room`` for so many reports; keeps what each of them holds."""

    max_record = 1 << 20

    def __init__(self, room=100):
        self.room = room
        self.reports = []

    def try_write(self, kind, flags, payload, start=0, stop=-1):
        if len(self.reports) == self.room:
            return False
        message = pickle.loads(payload[start:stop])
        self.reports.append(decode(message.frame).values if isinstance(message, Collected) else message)
        return True


@pytest.fixture
def ring():
    return Reported()


def output(ring, max_rows=4096):
    return CollectOutput("collect", ControlSender(ring, lambda: None), timeout_ms=100, max_rows=max_rows)


def test_records_of_a_sparse_stream_leave_at_once(ring):
    collected = output(ring)
    for turn in range(3):
        collected.put(Rows([turn]))
        assert collected.flush(turn * 100 * MS, starved=False)
    assert ring.reports == [[0], [1], [2]]


def test_records_behind_a_report_wait_for_company_until_a_frame_s_time_is_over(ring):
    collected = output(ring)
    for turn in range(3):
        collected.put(Rows([turn]))
        collected.flush(turn * MS, starved=True)
    assert ring.reports == [[0]]
    assert collected.next_flush_ns() == 20 * MS
    assert not collected.is_sent
    collected.flush(20 * MS, starved=True)
    assert ring.reports == [[0], [1, 2]]
    assert collected.next_flush_ns() is None
    assert collected.is_sent


def test_records_of_a_task_with_more_to_do_wait_for_the_whole_timeout(ring):
    collected = output(ring)
    for turn in range(3):
        collected.put(Rows([turn]))
        collected.flush(turn * 40 * MS, starved=False)
    assert ring.reports == [[0]]
    assert collected.next_flush_ns() == 100 * MS
    collected.flush(100 * MS, starved=False)
    assert ring.reports == [[0], [1, 2]]


def test_as_many_records_as_a_frame_may_have_do_not_wait(ring):
    collected = output(ring, max_rows=2)
    collected.put(Rows([1]))
    collected.flush(0, starved=True)
    collected.put(Rows([2, 3]))
    assert ring.reports == [[1], [2, 3]]


def test_a_barrier_and_the_end_come_behind_what_was_collected(ring):
    collected = output(ring)
    collected.put(Rows([1]))
    collected.pass_on(Barrier(7))
    collected.put(Rows([2]))
    collected.end()
    assert ring.reports == [[1], CollectedUpTo("collect", 7), [2]]
    assert collected.is_sent


def test_nothing_leaves_and_no_timer_is_set_while_there_is_no_room():
    ring = Reported(room=0)
    collected = output(ring, max_rows=1)
    collected.put(Rows([1]))
    assert not collected.is_ready
    assert collected.next_flush_ns() is None
    ring.room = 1
    assert collected.flush(0, starved=True)
    assert ring.reports == [[1]]
    assert collected.is_ready
    assert collected.is_sent
