"""The ring: one writer, one reader, records in order, whole and in place."""

import contextlib
import os
import random
from collections import deque

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sage_local.runtime.native import CACHE_LINE, RING_HEADER_BYTES, RingReader, RingWriter, Segment, WaitSet

CAPACITY = 4096


def new_ring(capacity: int = CAPACITY) -> tuple[RingWriter, RingReader]:
    segment = Segment.create("test", RING_HEADER_BYTES + capacity)
    return RingWriter(segment, 0, capacity), RingReader(segment, 0, capacity)


def take(reader: RingReader) -> tuple[int, int, bytes] | None:
    record = reader.peek()
    if record is None:
        return None
    kind, flags, payload = record
    copied = bytes(payload)
    del record, payload
    reader.release()
    return kind, flags, copied


def test_a_record_comes_out_as_it_went_in():
    writer, reader = new_ring()
    assert writer.try_write(7, 9, b"hello")
    assert take(reader) == (7, 9, b"hello")
    assert take(reader) is None


def test_records_keep_their_order():
    writer, reader = new_ring()
    for number in range(20):
        assert writer.try_write(number, 0, b"%d" % number)
    assert [take(reader) for _ in range(20)] == [(number, 0, b"%d" % number) for number in range(20)]


def test_an_empty_payload_is_a_record():
    writer, reader = new_ring()
    assert writer.try_write(1, 2, b"")
    assert reader.ready
    assert take(reader) == (1, 2, b"")


def test_part_of_a_payload_can_be_written():
    writer, reader = new_ring()
    assert writer.try_write(1, 0, b"0123456789", 2, 5)
    assert writer.try_write(1, 0, memoryview(b"0123456789"), 8)
    assert take(reader) == (1, 0, b"234")
    assert take(reader) == (1, 0, b"89")


@pytest.mark.parametrize(("start", "stop"), [(-1, 3), (4, 3), (0, 11), (11, 11)])
def test_a_part_outside_of_the_payload_is_refused(start: int, stop: int):
    writer, _ = new_ring()
    with pytest.raises(ValueError, match="does not lie inside a payload of 10 bytes"):
        writer.try_write(1, 0, b"0123456789", start, stop)


def test_a_full_ring_says_so_and_has_room_again_after_release():
    writer, reader = new_ring()
    written = 0
    while writer.try_write(0, 0, b"x" * 64):
        written += 1
    assert written == CAPACITY // (2 * CACHE_LINE)
    assert writer.in_flight == written
    assert writer.in_flight_bytes == CAPACITY
    assert take(reader) is not None
    assert writer.in_flight == written - 1
    assert writer.try_write(0, 0, b"x" * 64)


def test_the_largest_record_always_fits_an_empty_ring():
    """Wherever in the ring writing goes on: the skipped end and the record together fit."""
    writer, reader = new_ring()
    largest = os.urandom(writer.max_record)
    for small in range(200):
        assert writer.try_write(0, 0, b"", 0)
        assert take(reader) is not None
        assert writer.try_write(small, 0, largest)
        assert take(reader) == (small, 0, largest)


def test_what_can_never_fit_is_refused_at_once():
    writer, _ = new_ring()
    assert writer.max_record == CAPACITY // 8
    with pytest.raises(ValueError, match="can never fit: max_record is 512"):
        writer.try_write(0, 0, bytes(writer.max_record + 1))


@pytest.mark.parametrize(("kind", "flags"), [(-1, 0), (2**32 - 1, 0), (0, -1), (0, 2**32)])
def test_kind_and_flags_have_limits(kind: int, flags: int):
    writer, _ = new_ring()
    with pytest.raises(ValueError, match="must be between 0 and"):
        writer.try_write(kind, flags, b"")


def test_peeking_twice_shows_the_same_record():
    writer, reader = new_ring()
    writer.try_write(1, 0, b"first")
    writer.try_write(2, 0, b"second")
    first, again = reader.peek(), reader.peek()
    assert first is not None
    assert again is not None
    assert bytes(first[2]) == bytes(again[2]) == b"first"


def test_release_without_a_record_does_nothing():
    writer, reader = new_ring()
    writer.try_write(1, 0, b"kept")
    reader.release()
    assert take(reader) == (1, 0, b"kept")


def test_a_record_in_use_can_not_be_released():
    """The writer would write over what somebody still looks at."""
    writer, reader = new_ring()
    writer.try_write(1, 0, b"looked at")
    record = reader.peek()
    assert record is not None
    part = record[2][2:4]
    del record
    with pytest.raises(BufferError, match="1 view"):
        reader.release()
    assert bytes(part) == b"ok"
    part.release()
    reader.release()
    assert writer.in_flight == 0


def test_payloads_are_read_only_and_start_on_a_cache_line():
    writer, reader = new_ring()
    for length in (1, 63, 64, 65, 200):
        writer.try_write(0, 0, bytes(length))
        record = reader.peek()
        assert record is not None
        payload = record[2]
        assert payload.readonly
        del record, payload
        before = writer.in_flight_bytes
        assert before % CACHE_LINE == 0
        reader.release()


def test_an_end_goes_on_where_its_predecessor_stopped():
    segment = Segment.create("test", RING_HEADER_BYTES + CAPACITY)
    writer, reader = RingWriter(segment, 0, CAPACITY), RingReader(segment, 0, CAPACITY)
    writer.try_write(1, 0, b"one")
    writer.try_write(2, 0, b"two")
    assert take(reader) == (1, 0, b"one")
    del writer, reader
    writer, reader = RingWriter(segment, 0, CAPACITY), RingReader(segment, 0, CAPACITY)
    assert writer.in_flight == 1
    writer.try_write(3, 0, b"three")
    assert [take(reader), take(reader), take(reader)] == [(2, 0, b"two"), (3, 0, b"three"), None]


def test_a_reset_ring_is_empty_and_its_new_ends_begin_at_the_start():
    segment = Segment.create("test", RING_HEADER_BYTES + CAPACITY)
    writer, reader = RingWriter(segment, 0, CAPACITY), RingReader(segment, 0, CAPACITY)
    while writer.try_write(1, 0, b"of the dead"):
        pass
    reader.peek()
    segment.reset_ring(0, CAPACITY)
    writer, reader = RingWriter(segment, 0, CAPACITY), RingReader(segment, 0, CAPACITY)
    assert take(reader) is None
    assert writer.in_flight == 0
    assert writer.try_write(2, 0, b"new")
    assert take(reader) == (2, 0, b"new")


def test_an_end_from_before_a_reset_reads_writes_and_releases_nothing():
    segment = Segment.create("test", RING_HEADER_BYTES + CAPACITY)
    old_writer, old_reader = RingWriter(segment, 0, CAPACITY), RingReader(segment, 0, CAPACITY)
    old_writer.try_write(1, 0, b"held")
    record = old_reader.peek()
    segment.reset_ring(0, CAPACITY)
    writer, reader = RingWriter(segment, 0, CAPACITY), RingReader(segment, 0, CAPACITY)
    writer.try_write(2, 0, b"new")
    with pytest.raises(ValueError, match="stale"):
        old_writer.try_write(1, 0, b"late")
    del record
    old_reader.release()
    with pytest.raises(ValueError, match="stale"):
        old_reader.peek()
    # Else who waits for it would look again and again.
    assert not old_writer.await_release(True)
    assert writer.in_flight == 1
    assert [take(reader), take(reader)] == [(2, 0, b"new"), None]


def test_only_a_ring_of_that_capacity_is_reset():
    segment = Segment.create("test", RING_HEADER_BYTES + CAPACITY)
    RingWriter(segment, 0, CAPACITY)
    with pytest.raises(ValueError, match="magic, version or size"):
        segment.reset_ring(0, CAPACITY // 2)
    with pytest.raises(ValueError, match="inside the segment"):
        segment.reset_ring(64, CAPACITY)


@pytest.mark.parametrize("capacity", [0, 1, 512, 1000, 4097, -4096])
def test_a_capacity_must_be_a_power_of_two(capacity: int):
    segment = Segment.create("test", 1 << 16)
    with pytest.raises(ValueError, match="power of two"):
        RingWriter(segment, 0, capacity)
    with pytest.raises(ValueError, match="power of two"):
        RingReader(segment, 0, capacity)


def test_a_ring_must_lie_inside_its_segment_on_a_cache_line():
    segment = Segment.create("test", RING_HEADER_BYTES + CAPACITY)
    with pytest.raises(ValueError, match="inside the segment"):
        RingWriter(segment, 64, CAPACITY)
    with pytest.raises(ValueError, match="inside the segment"):
        RingReader(segment, 0, CAPACITY * 2)
    with pytest.raises(ValueError, match="multiple of 64"):
        RingReader(segment, 8, 1024)
    with pytest.raises(ValueError, match="inside the segment"):
        RingReader(segment, -64, 1024)


def test_ends_of_different_capacities_are_refused():
    segment = Segment.create("test", RING_HEADER_BYTES + CAPACITY)
    writer = RingWriter(segment, 0, CAPACITY)
    with pytest.raises(ValueError, match="magic, version or size"):
        RingReader(segment, 0, CAPACITY // 2)
    del writer


@given(
    st.lists(st.integers(0, 512)),
    st.randoms(use_true_random=False),
)
def test_the_ring_behaves_as_a_queue(lengths: list[int], choice: random.Random):
    """Over any mixture of writing and reading, with records of any length, round and round."""
    writer, reader = new_ring(CAPACITY)
    queue: deque[tuple[int, int, bytes]] = deque()
    for number, length in enumerate(lengths * 4):
        payload = choice.randbytes(length)
        while not writer.try_write(number, length, payload):
            assert take(reader) == queue.popleft()
        queue.append((number, length, payload))
        while queue and choice.random() < 0.4:
            assert take(reader) == queue.popleft()
        assert writer.in_flight == len(queue)
        assert reader.ready == bool(queue)
    while queue:
        assert take(reader) == queue.popleft()
    assert writer.in_flight_bytes == 0


def test_two_processes_pass_records_through_a_forked_mapping():
    """Every record arrives once, in order and unchanged, while both ends run."""
    segment = Segment.create("test", RING_HEADER_BYTES + CAPACITY)
    count = 20_000
    child = os.fork()
    if child == 0:
        status = 1
        try:
            writer = RingWriter(segment, 0, CAPACITY)
            for number in range(count):
                while not writer.try_write(number, 0, number.to_bytes(4, "little") * (number % 100)):
                    os.sched_yield()
            status = 0
        finally:
            os._exit(status)
    reader = RingReader(segment, 0, CAPACITY)
    for number in range(count):
        while (record := take(reader)) is None:
            os.sched_yield()
        assert record == (number, 0, number.to_bytes(4, "little") * (number % 100))
    assert os.waitpid(child, 0)[1] == 0


def test_a_half_written_record_does_not_exist():
    """Only the tail publishes. A writer killed before that leaves the ring as it was."""
    segment = Segment.create("test", RING_HEADER_BYTES + CAPACITY)
    writer, reader = RingWriter(segment, 0, CAPACITY), RingReader(segment, 0, CAPACITY)
    writer.try_write(1, 0, b"whole")
    segment.view(RING_HEADER_BYTES + 2 * CACHE_LINE, 16)[:] = b"\xff" * 16
    assert take(reader) == (1, 0, b"whole")
    assert take(reader) is None


@given(st.binary(min_size=16, max_size=16), st.integers(0, 63))
def test_a_damaged_record_header_is_an_error_and_no_crash(garbage: bytes, position: int):
    segment = Segment.create("test", RING_HEADER_BYTES + CAPACITY)
    writer, reader = RingWriter(segment, 0, CAPACITY), RingReader(segment, 0, CAPACITY)
    for _ in range(position):
        writer.try_write(0, 0, b"")
        take(reader)
    writer.try_write(1, 0, b"x" * 100)
    writer.try_write(2, 0, b"y" * 100)
    segment.view(RING_HEADER_BYTES + position * CACHE_LINE, 16)[:] = garbage
    with contextlib.suppress(ValueError):
        while take(reader) is not None:
            pass


@given(st.integers(0, 2**64 - 1))
def test_a_damaged_tail_is_an_error_and_no_crash(tail: int):
    segment = Segment.create("test", RING_HEADER_BYTES + CAPACITY)
    reader = RingReader(segment, 0, CAPACITY)
    segment.view(2 * CACHE_LINE, 8)[:] = tail.to_bytes(8, "little")
    with contextlib.suppress(ValueError):
        while take(reader) is not None:
            pass


def test_a_wait_set_is_ready_when_any_reader_has_a_record():
    rings = [new_ring() for _ in range(3)]
    wait_set = WaitSet([reader for _, reader in rings], [])
    assert not wait_set.ready()
    assert not wait_set.spin(0)
    assert not wait_set.spin(3)
    rings[2][0].try_write(0, 0, b"")
    assert wait_set.ready()
    assert wait_set.spin(0)
    assert wait_set.spin(1e6)


def test_a_wait_set_sees_what_was_released_to_a_writer_that_awaits_it():
    writer, reader = new_ring()
    wait_set = WaitSet([], [writer])
    writer.await_release(True)
    while writer.try_write(0, 0, bytes(100)):
        pass
    assert not wait_set.ready()
    take(reader)
    assert wait_set.ready()
    writer.await_release(False)
    assert not wait_set.ready()


def test_what_the_writer_knows_to_be_released_is_no_news():
    writer, reader = new_ring()
    wait_set = WaitSet([], [writer])
    writer.await_release(True)
    writer.try_write(0, 0, b"")
    writer.try_write(0, 0, b"")
    take(reader)
    assert wait_set.ready()
    assert writer.released == 1
    assert not wait_set.ready()


def test_a_wait_set_refuses_what_it_can_not_look_at():
    writer, _ = new_ring()
    wait_set = WaitSet([], [writer])
    with pytest.raises(ValueError, match="budget_us"):
        wait_set.spin(float("nan"))
    with pytest.raises(TypeError, match="RingReader"):
        WaitSet([writer], [])
