from datetime import datetime
from enum import IntEnum

import numpy as np
import pytest

from sage_local.windowing.timestamps import event_time_ms


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


@pytest.mark.parametrize(("value", "expected"), [(np.int64(5), 5), (Hour.NOON, 12), (-3, -3)])
def test_integers_of_other_types_are_event_times(value: object, expected: int) -> None:
    found = event_time_ms(value)
    assert (found, type(found)) == (expected, int)
