"""Results of a flat_map without end or measure."""

import itertools
import tracemalloc

import pytest

from sage_local.core.elements import Rows
from sage_local.plan import operators as specs
from sage_local.runtime.operators.explosion import LIMIT, Explosion
from tests.runtime.operators.driver import Driver


def test_ten_million_results_of_one_record_do_not_grow_memory():
    operator = Driver(specs.FlatMap(name="explode", function=range)).operator
    tracemalloc.start()
    try:
        largest = total = 0
        for element in operator.process(Rows([10_000_000])):
            total += len(element.values)
            largest = max(largest, tracemalloc.get_traced_memory()[1])
            if total >= 60_000:
                break
    finally:
        tracemalloc.stop()
    assert largest < 2_000_000


def test_results_without_end_come_as_far_as_they_are_asked_for():
    operator = Driver(specs.FlatMap(name="explode", function=itertools.count)).operator
    batches = iter(operator.process(Rows([0])))
    taken = [value for batch in itertools.islice(batches, 3) for value in batch.values]
    assert taken == list(range(len(taken)))


@pytest.mark.parametrize("sizes", [[0], [1, 0, 2], [LIMIT], [LIMIT + 1, LIMIT - 1], [3 * LIMIT + 5, 1]])
def test_nothing_is_lost_between_pieces(sizes):
    pieces = list(Explosion().pieces(map(range, sizes)))
    assert [x for piece in pieces for x in piece] == [x for size in sizes for x in range(size)]
    assert all(0 < len(piece) <= LIMIT for piece in pieces)


@pytest.mark.parametrize("sizes", [[0], [1, 0, 2], [LIMIT], [LIMIT + 1, LIMIT - 1], [3 * LIMIT + 5, 1]])
def test_what_rides_beside_a_record_rides_beside_each_of_its_results(sizes):
    pieces = list(Explosion().ridden((range(size), index) for index, size in enumerate(sizes)))
    ridden = [pair for elements, riders in pieces for pair in zip(elements, riders, strict=True)]
    assert ridden == [(x, index) for index, size in enumerate(sizes) for x in range(size)]
    assert all(0 < len(elements) <= LIMIT for elements, _ in pieces)
