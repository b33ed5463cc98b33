"""A record into a ring and out of it, in one process: what the calls cost, without another core's caches."""

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from sage_local.runtime.native import RING_HEADER_BYTES, Doorbell, RingReader, RingWriter, Segment

CAPACITY = 1 << 20


@pytest.mark.parametrize("size", [8, 1 << 10, 64 << 10])
def test_write_peek_release(benchmark: BenchmarkFixture, size: int) -> None:
    segment = Segment.create("micro-ring", RING_HEADER_BYTES + CAPACITY + 4096)
    writer, reader = RingWriter(segment, 4096, CAPACITY), RingReader(segment, 4096, CAPACITY)
    payload = b"x" * size

    def once() -> bool:
        written = writer.try_write(1, 0, payload)
        reader.peek()
        reader.release()
        return written

    assert benchmark(once)


def test_notify_of_a_peer_that_is_awake(benchmark: BenchmarkFixture) -> None:
    bell = Doorbell(Segment.create("micro-bell", 8192), 4096)
    assert benchmark(bell.notify) is False
