"""Accumulators that are used in several windows."""

from copy import deepcopy
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

_IMMUTABLE = frozenset(
    {bool, bytes, complex, date, datetime, Decimal, float, Fraction, int, str, time, timedelta, type(None)}
)


def independent(accumulator: Any) -> Any:
    """``accumulator``, or a copy where whoever gets it could change it.

    A pane is part of several windows, and a user's ``merge`` or ``reduce`` may use up what it is given.
    """
    return accumulator if type(accumulator) in _IMMUTABLE else deepcopy(accumulator)
