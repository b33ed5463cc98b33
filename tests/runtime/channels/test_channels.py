"""One suite for both kinds of channel: a local one, and a ring in a segment with both ends in this process."""

import pytest

from sage_local.core.elements import EndOfStream, Rows
from sage_local.runtime.channels.frame import Frame
from sage_local.runtime.channels.local import LocalChannel
from sage_local.runtime.channels.ring import RingReceiver, RingSender
from sage_local.runtime.memory import segment as memory
from sage_local.runtime.memory.layout import CONTROL_OFFSET, RingPlace

CAPACITY = 64 * 1024
SETTINGS = {"timeout_ms": 100, "max_rows": 4096}


class Bell:
    """Counts how often a peer was to be woken."""

    def __init__(self):
        self.rung = 0

    def __call__(self):
        self.rung += 1


class Ends:
    def __init__(self, kind):
        self.now_ns = 0
        if kind == "local":
            self.sender = self.receiver = LocalChannel(clock=lambda: self.now_ns, **SETTINGS)
            return
        place = RingPlace(CONTROL_OFFSET, CAPACITY)
        segment = memory.create("sage-test", place.end, None)
        self.bells = Bell(), Bell()
        writer, reader = memory.ring_writer(segment, place), memory.ring_reader(segment, place)
        self.sender = RingSender(writer, self.bells[0], clock=lambda: self.now_ns, **SETTINGS)
        self.receiver = RingReceiver(reader, self.bells[1], clock=lambda: self.now_ns)

    def send(self, values, *, ends_turn=False):
        self.sender.send(Frame(Rows(values), ends_turn))

    def take(self):
        """The next frame, dealt with at once; the sender sees it."""
        frame = self.receiver.receive()
        self.receiver.release()
        self.sender.flush(self.now_ns)
        return frame

    def take_whole(self):
        """The next frame, the sender going on with what found no room."""
        return next(frame for _ in range(100) if (frame := self.take()) is not None)


@pytest.fixture(params=["local", "ring"])
def ends(request):
    return Ends(request.param)


@pytest.fixture
def ring():
    return Ends("ring")


def test_frames_arrive_in_order_with_their_flags(ends):
    ends.send([1, "a", None])
    ends.send([], ends_turn=True)
    assert ends.take() == Frame(Rows([1, "a", None]), ends_turn=False)
    assert ends.take() == Frame(Rows([]), ends_turn=True)
    assert ends.take() is None


def test_keys_and_timestamps_travel_with_their_records(ends):
    ends.sender.send(Frame(Rows([1, 2], ["a", "b"], [10, 20])))
    assert ends.take().element == Rows([1, 2], ["a", "b"], [10, 20])


def test_the_end_of_a_stream_arrives_behind_its_records(ends):
    ends.send([1])
    ends.sender.send(Frame(EndOfStream()))
    assert [ends.take().element, ends.take().element] == [Rows([1]), EndOfStream()]


def test_a_channel_is_drained_when_its_receiver_has_dealt_with_everything(ends):
    assert ends.sender.is_drained
    ends.send([1])
    ends.receiver.receive()
    assert not ends.sender.is_drained
    ends.receiver.release()
    assert ends.sender.is_drained


def test_not_more_is_on_the_way_than_two_frames_until_the_receiver_is_known(ends):
    ends.send([1])
    assert ends.sender.has_room
    ends.send([2])
    assert not ends.sender.has_room


def test_a_fast_receiver_gets_more_at_once(ends):
    ends.send(list(range(100)))
    ends.now_ns = 1000
    ends.take()
    for _ in range(10):
        assert ends.sender.has_room
        ends.send([1])


@pytest.mark.parametrize("size", [CAPACITY // 8, CAPACITY, 10 * CAPACITY])
def test_a_frame_of_any_size_passes_through_a_ring_of_any_size(ring, size):
    ring.send([b"x" * size, b"y" * size], ends_turn=True)
    assert ring.take_whole() == Frame(Rows([b"x" * size, b"y" * size]), ends_turn=True)
    assert not ring.sender.is_writing


def test_a_frame_that_is_half_written_takes_up_the_sender(ring):
    ring.send([b"x" * 4 * CAPACITY])
    assert ring.sender.is_writing
    assert not ring.sender.has_room
    assert ring.sender.await_release()
    ring.take_whole()
    assert not ring.sender.await_release()


def test_a_sender_that_said_no_awaits_a_release(ring):
    ring.send([1])
    assert not ring.sender.await_release()
    assert not ring.sender.is_drained
    assert ring.sender.await_release()
    assert not ring.sender.await_release()  # nothing new
    ring.take()
    assert not ring.sender.await_release()
    assert not ring.sender.is_writing


def test_a_frame_behind_a_large_one_arrives_whole(ring):
    ring.send([b"x" * 4 * CAPACITY])
    ring.take_whole()
    ring.send([1])
    assert ring.take() == Frame(Rows([1]))


def test_records_are_encoded_when_they_are_sent(ring):
    """What becomes of an object afterwards, the receiver does not see."""
    record = ["a"]
    ring.send([record])
    record.append("b")
    assert ring.take().element == Rows([["a"]])


def test_a_sender_rings_the_receiver_and_is_rung_where_it_waits(ring):
    ring.send([1])
    ring.take()
    assert [bell.rung for bell in ring.bells] == [1, 0]
    ring.send([2])
    assert not ring.sender.is_drained
    ring.sender.await_release()
    ring.take()
    assert [bell.rung for bell in ring.bells] == [2, 1]


def test_a_receiver_is_measured_by_when_it_was_done_and_not_by_when_that_is_seen(ring):
    ring.send([1])
    ring.now_ns = 1000
    ring.receiver.receive()
    ring.receiver.release()
    ring.now_ns = 1_000_000
    ring.send([2])
    ring.sender.flush(ring.now_ns)
    assert ring.sender.consumed_per_ns == 1 / 1000
