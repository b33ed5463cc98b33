"""Folding a frame into accumulators by key, beside the loop that does the same."""

from typing import Any

from pytest_benchmark.fixture import BenchmarkFixture

from sage_local.runtime import native

ROWS = 4096
RECORDS = [(number % 100, number) for number in range(ROWS)]
TOTALS = {key: sum(range(key, ROWS, 100)) for key in range(100)}
_ITEM, _SUM = 1, 0


def fold_natively() -> dict[Any, Any]:
    space: dict[Any, Any] = {}
    native.fold(space, None, iter(RECORDS), (_ITEM, 0), ((_SUM, _ITEM, 1),))
    return space


def fold_by_hand() -> dict[Any, Any]:
    space: dict[Any, Any] = {}
    for key, value in RECORDS:
        space[key] = space.get(key, 0) + value
    return space


def test_native_fold(benchmark: BenchmarkFixture) -> None:
    assert benchmark(fold_natively) == TOTALS


def test_loop(benchmark: BenchmarkFixture) -> None:
    assert benchmark(fold_by_hand) == TOTALS
