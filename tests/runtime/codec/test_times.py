"""Times of a batch."""

from enum import IntEnum
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sage_local.runtime.codec.times import are_event_times, span


class Hour(IntEnum):
    NOON = 12


@given(st.lists(st.integers(-(2**65), 2**65), min_size=1))
def test_the_span_is_from_the_least_to_the_greatest(times: list[int]) -> None:
    assert span(times) == (min(times), max(times))


@pytest.mark.parametrize("values", [[0], [5, -5, 2**63 - 2, -(2**63) + 1]])
def test_plain_ints_in_range_are_event_times(values: list[Any]) -> None:
    assert are_event_times(values)


@pytest.mark.parametrize("odd", [None, 1.5, True, Hour.NOON, "1", 2**63 - 1, -(2**63), 2**64, -(2**64)])
def test_of_anything_else_each_value_needs_a_look(odd: Any) -> None:
    assert not are_event_times([1, odd, 2])
    assert not are_event_times([])
