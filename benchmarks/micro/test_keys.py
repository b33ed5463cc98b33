"""Keys to key groups, and rows to the targets of their keys."""

from typing import Any

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from sage_local.runtime.codec import keys

ROWS = 4096
KEYS: dict[str, list[Any]] = {
    "ints": list(range(ROWS)),
    "texts": [f"user-{number}" for number in range(ROWS)],
    "tuples": [(number, "user") for number in range(ROWS)],
}


@pytest.mark.parametrize("kind", KEYS)
def test_key_groups(benchmark: BenchmarkFixture, kind: str) -> None:
    groups = benchmark(keys.key_groups, KEYS[kind], 128)
    assert 100 < len(set(groups)) <= 128


@pytest.mark.parametrize("kind", KEYS)
def test_partition_in_two(benchmark: BenchmarkFixture, kind: str) -> None:
    parts = benchmark(keys.partition, KEYS[kind], (KEYS[kind],), 2, 128)
    assert sorted(value for (part,) in parts for value in part) == sorted(KEYS[kind])
