"""Batches that are read where they were written: whoever keeps them stops nobody, and gives them back somehow."""

import os
import signal
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sage_local.core.elements import Columns
from sage_local.runtime.channels.frame import Frame
from sage_local.runtime.channels.ring import RingReceiver, RingSender
from sage_local.runtime.native import (
    ARENA_HEADER_BYTES,
    KIND_COLUMNS,
    RING_HEADER_BYTES,
    RingReader,
    RingWriter,
    Segment,
)

CAPACITY = 1 << 16
ROWS = 1024
"""8 KiB and a header are nine of 64 granules, so an arena holds seven."""


@dataclass
class Channel:
    segment: Segment
    sender: RingSender
    receiver: RingReceiver

    def send(self, number: int) -> None:
        self.sender.send(Frame(Columns(batch(number))))

    def receive(self) -> pa.RecordBatch:
        frame = self.receiver.receive()
        assert frame is not None
        assert isinstance(frame.element, Columns)
        received: pa.RecordBatch = frame.element.values
        self.receiver.release()
        self.sender.flush(0)
        return received

    @property
    def leased(self) -> int:
        """Granules of the arena that are in use."""
        arena = RING_HEADER_BYTES + CAPACITY
        taken, given_back = (int.from_bytes(self.segment.view(arena + offset, 8), "little") for offset in (128, 256))
        return (taken ^ given_back).bit_count()


def batch(number: int) -> pa.RecordBatch:
    return pa.record_batch({"n": pa.array(range(number, number + ROWS), pa.int64())})


def is_batch(found: pa.RecordBatch, number: int) -> bool:
    found.validate(full=True)
    return bool(found.equals(batch(number)))


def new_channel(name: str = "leases") -> Channel:
    return opened(Segment.create(name, RING_HEADER_BYTES + CAPACITY + ARENA_HEADER_BYTES + CAPACITY))


def opened(segment: Segment) -> Channel:
    writer, reader = RingWriter(segment, 0, CAPACITY, CAPACITY), RingReader(segment, 0, CAPACITY, CAPACITY)
    sender = RingSender(writer, lambda: None, timeout_ms=100, max_rows=4096, clock=lambda: 0)
    return Channel(segment, sender, RingReceiver(reader, lambda: None, clock=lambda: 0))


@pytest.fixture
def channel() -> Iterator[Channel]:
    opened = new_channel()
    yield opened
    assert opened.leased == 0


def test_a_batch_is_leased_until_its_last_part_is_gone(channel: Channel) -> None:
    channel.send(0)
    received = channel.receive()
    assert channel.leased == 9
    part = received["n"].slice(1000, 1)
    del received
    assert channel.leased == 9
    assert part[0].as_py() == 1000
    del part
    assert channel.leased == 0


def test_leases_end_in_any_order_and_in_any_thread(channel: Channel) -> None:
    for number in range(5):
        channel.send(number)
    kept = {number: channel.receive() for number in range(5)}
    for number in (2, 4, 0):
        thread = threading.Thread(target=kept.pop, args=(number,))
        thread.start()
        thread.join()
    assert channel.leased == 2 * 9
    channel.send(9)
    assert all(is_batch(found, number) for number, found in kept.items())
    assert is_batch(channel.receive(), 9)


def test_whoever_keeps_all_batches_gets_the_rest_as_copies(channel: Channel) -> None:
    kept = []
    for number in range(100):
        channel.send(number)
        kept.append(channel.receive())
    assert channel.leased == 7 * 9
    assert all(is_batch(found, number) for number, found in enumerate(kept))
    del kept
    channel.send(0)
    assert is_batch(channel.receive(), 0)


@settings(max_examples=15)
@given(st.data())
def test_whatever_is_kept_stays_as_it_is(data: st.DataObject) -> None:
    channel = new_channel()
    kept: dict[int, pa.RecordBatch] = {}
    for number in range(30):
        channel.send(number)
        kept[number] = channel.receive()
        for gone in data.draw(st.lists(st.sampled_from(sorted(kept)), unique=True, max_size=3)):
            assert is_batch(kept.pop(gone), gone)
    assert all(is_batch(found, number) for number, found in kept.items())
    kept.clear()
    assert channel.leased == 0


def test_a_sender_waits_for_what_is_on_the_way_and_not_for_what_is_kept(channel: Channel) -> None:
    """Going by the ring while the receiver is merely slow would have it copy what it could read in place."""
    for number in range(7):
        channel.send(number)
    assert not channel.sender.is_writing
    channel.send(7)
    assert channel.sender.is_writing
    kept = [channel.receive() for _ in range(2)]
    # One is kept and its room is not there yet; but five are still to come.
    assert channel.sender.is_writing
    kept.pop(0)
    channel.sender.flush(0)
    assert not channel.sender.is_writing
    kept += [channel.receive() for _ in range(6)]
    assert [is_batch(found, number) for number, found in enumerate(kept, 1)] == [True] * 7
    channel.send(8)
    assert not channel.sender.is_writing
    assert channel.leased == 7 * 9
    assert is_batch(channel.receive(), 8)


def test_a_kept_batch_outlives_its_channel_and_takes_the_memory_with_it() -> None:
    channel = new_channel("outlived-leases")
    channel.send(5)
    kept = channel.receive()
    del channel
    assert is_batch(kept, 5)
    assert "outlived-leases" in Path("/proc/self/maps").read_text()
    del kept
    assert "outlived-leases" not in Path("/proc/self/maps").read_text()


def in_child(act: Callable[[], object]) -> int:
    """The exit status of a child that calls ``act``; forked as users' functions fork."""
    child = os.fork()
    if child == 0:
        try:
            act()
        finally:
            os._exit(0)
    return os.waitpid(child, 0)[1]


def test_a_forked_child_ends_no_lease_of_its_parent(channel: Channel) -> None:
    channel.send(0)
    kept = [channel.receive()]
    assert in_child(kept.clear) == 0
    assert channel.leased == 9
    assert is_batch(kept[0], 0)
    kept.clear()


def test_a_reader_killed_with_leases_takes_nothing_from_the_sender(channel: Channel) -> None:
    """The sender goes on beside them by the ring. They end when another process reads there."""

    def read_and_die() -> None:
        reader = Channel(channel.segment, channel.sender, reopened(channel))
        kept = [reader.receive() for _ in range(7)]
        assert kept
        os.kill(os.getpid(), signal.SIGKILL)

    for number in range(7):
        channel.send(number)
    assert in_child(read_and_die) == signal.SIGKILL
    assert channel.leased == 7 * 9
    channel.sender.flush(0)
    channel.send(7)
    assert not channel.sender.is_writing
    record = RingReader(channel.segment, 0, CAPACITY, CAPACITY).peek()
    assert record is not None
    assert record[0] == KIND_COLUMNS


def reopened(channel: Channel) -> RingReceiver:
    """Another receiver, by the process that calls this."""
    return RingReceiver(RingReader(channel.segment, 0, CAPACITY, CAPACITY), lambda: None, clock=lambda: 0)


def test_a_kept_batch_outlives_a_reset_of_its_ring() -> None:
    """What was on its way then is taken back; what is kept stays until it is let go."""
    channel = new_channel()
    for number in range(3):
        channel.send(number)
    kept = channel.receive()
    channel.segment.reset_ring(0, CAPACITY)
    again = opened(channel.segment)
    assert again.leased == 9
    for number in range(10, 30):
        again.send(number)
        assert is_batch(again.receive(), number)
    assert is_batch(kept, 0)
    del kept
    assert again.leased == 0


def test_small_batches_are_copied() -> None:
    """A copy of them costs less than a lease."""
    channel = new_channel()
    channel.sender.send(Frame(Columns(batch(0).slice(0, 100))))
    assert channel.leased == 0
    assert channel.receive().equals(batch(0).slice(0, 100))


@pytest.mark.parametrize("ticket", [(64, 100), (0, 0), (60, 1 << 20), (2**63, 2**63), (20, 8192)])
def test_a_ticket_for_what_was_not_sent_is_refused(channel: Channel, ticket: tuple[int, int]) -> None:
    channel.sender.writer.try_write(KIND_COLUMNS + 1, 0, b"".join(number.to_bytes(8, "little") for number in ticket))
    with pytest.raises(ValueError, match="not what a peer writes"):
        channel.receiver.receive()


def test_a_second_batch_waits_for_the_first() -> None:
    channel = new_channel()
    for number in range(8):
        channel.send(number)
    with pytest.raises(RuntimeError, match="being written"):
        channel.send(9)
