"""Record batches to bytes and to the targets of their keys."""

from typing import Any

import pyarrow as pa
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from sage_local.runtime.codec.column_keys import partition_columns
from sage_local.runtime.codec.columns import ColumnsEncoder


@pytest.fixture(params=[1, 1_000, 10_000])
def batch(request: pytest.FixtureRequest) -> Any:
    rows: int = request.param
    names = [f"user-{number % 100}" for number in range(rows)]
    return pa.record_batch({"id": range(rows), "name": names, "value": [0.5] * rows})


def test_encode_with_the_schema_known(benchmark: BenchmarkFixture, batch: Any) -> None:
    encoder = ColumnsEncoder()
    encoder.encode(batch)
    has_schema, data = benchmark(encoder.encode, batch)
    assert not has_schema
    assert pa.ipc.read_record_batch(data, batch.schema).equals(batch)


def test_partition_in_two(benchmark: BenchmarkFixture, batch: Any) -> None:
    parts = benchmark(partition_columns, batch, ["name"], 2, 128)
    assert sum(len(part) for _, part in parts) == len(batch)
