"""Record batches to bytes and to the targets of their keys."""

from time import monotonic_ns
from typing import Any

import pyarrow as pa
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from sage_local.core.elements import Columns
from sage_local.runtime.channels.frame import Frame
from sage_local.runtime.channels.ring import RingReceiver, RingSender
from sage_local.runtime.codec.column_keys import partition_columns
from sage_local.runtime.native import RING_HEADER_BYTES, RingReader, RingWriter, Segment

CAPACITY = 1 << 22


@pytest.fixture(params=[1, 1_000, 10_000])
def batch(request: pytest.FixtureRequest) -> Any:
    rows: int = request.param
    names = [f"user-{number % 100}" for number in range(rows)]
    return pa.record_batch({"id": range(rows), "name": names, "value": [0.5] * rows})


def test_through_a_ring_with_the_schema_known(benchmark: BenchmarkFixture, batch: Any) -> None:
    segment = Segment.create("micro", RING_HEADER_BYTES + CAPACITY)
    writer, reader = RingWriter(segment, 0, CAPACITY), RingReader(segment, 0, CAPACITY)
    sender = RingSender(writer, _nobody, timeout_ms=100, max_rows=len(batch), clock=monotonic_ns)
    receiver = RingReceiver(reader, _nobody, clock=monotonic_ns)

    def through() -> Any:
        sender.send(Frame(Columns(batch)))
        while (frame := receiver.receive()) is None:
            sender.flush(monotonic_ns())
        receiver.release()
        return frame.element.values

    assert through().equals(batch)
    assert benchmark(through).equals(batch)


def _nobody() -> None:
    """There is no other worker to wake."""


def test_partition_in_two(benchmark: BenchmarkFixture, batch: Any) -> None:
    parts = benchmark(partition_columns, batch, ["name"], 2, 128)
    assert sum(len(part) for _, part in parts) == len(batch)
