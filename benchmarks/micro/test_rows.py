"""Rows to bytes and back, beside pickle 5."""

import pickle
from typing import Any

from pytest_benchmark.fixture import BenchmarkFixture

from sage_local.core.elements import Rows
from sage_local.runtime.codec import rows


def test_encode(benchmark: BenchmarkFixture, values: list[Any]) -> None:
    assert rows.decode(benchmark(rows.encode, Rows(values))).values == values


def test_decode(benchmark: BenchmarkFixture, values: list[Any]) -> None:
    assert benchmark(rows.decode, rows.encode(Rows(values))).values == values


def test_pickle_dumps(benchmark: BenchmarkFixture, values: list[Any]) -> None:
    assert pickle.loads(benchmark(pickle.dumps, values, 5)) == values


def test_pickle_loads(benchmark: BenchmarkFixture, values: list[Any]) -> None:
    assert benchmark(pickle.loads, pickle.dumps(values, 5)) == values
