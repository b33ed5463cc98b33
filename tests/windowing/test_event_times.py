from datetime import datetime
from enum import IntEnum

import numpy as np
import pytest

from sage_local.windowing.timestamps import event_time_ms, event_times_ms


class Hour(IntEnum):
    NOON = 12


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (None, "found None of type NoneType"),
        (True, "found True of type bool"),
        (1.7e9, r"found 1700000000.0 of type float: use int\(seconds \* 1000\) if these are seconds"),
        ("2024-01-01", "found '2024-01-01' of type str"),
        (datetime(2024, 1, 1), "which has none: use .replace"),
        (2**63 - 1, "less than 2\\*\\*63 - 1"),
        (-(2**63), "more than -2\\*\\*63"),
    ],
)
def test_what_is_no_event_time_is_refused(value: object, message: str) -> None:
    with pytest.raises((TypeError, ValueError), match=message):
        event_time_ms(value)


def test_integers_of_other_types_are_event_times() -> None:
    assert event_times_ms([np.int64(5), Hour.NOON, -3]) == [5, 12, -3]


def test_plain_ints_are_taken_as_they_are() -> None:
    values = [3, -1, 2]
    assert event_times_ms(values) is values
    assert event_times_ms([]) == []
