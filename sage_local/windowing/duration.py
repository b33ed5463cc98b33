"""Lengths of time as users write them: ``timedelta``, whole milliseconds, or text such as ``"10s"``."""

import re
from datetime import timedelta
from fractions import Fraction

from sage_local.errors import PlanError

Duration = timedelta | int | str
"""A ``timedelta``, an ``int`` of milliseconds, or a number and a unit: ms, s, min (m), h, d."""

_MS_PER_UNIT = {
    "ms": 1, "s": 1_000, "sec": 1_000, "m": 60_000, "min": 60_000, "h": 3_600_000, "d": 86_400_000,
}  # fmt: skip  # one line is easier to read than eight
_TEXT = re.compile(r"\s*([+-]?\d+(?:\.\d+)?)\s*([a-z]+)\s*", re.ASCII)
_FORMS = "a timedelta, an int of milliseconds, or text such as '10s', '1.5min', '2h'"


def duration_ms(value: Duration, what: str) -> int:
    """``value`` in whole milliseconds; ``what`` names it in errors. Raises ``PlanError``."""
    if isinstance(value, timedelta):
        milliseconds = Fraction(value // timedelta(microseconds=1), 1000)
    elif isinstance(value, str):
        milliseconds = _of_text(value, what)
    elif type(value) is int:
        return value
    else:
        raise PlanError(f"{what} must be {_FORMS}; found {value!r} of type {type(value).__name__}")
    if milliseconds.denominator != 1:
        raise PlanError(f"{what} must be a whole number of milliseconds; found {value!r}")
    return int(milliseconds)


def positive_ms(value: Duration, what: str) -> int:
    """As ``duration_ms``, and more than 0."""
    milliseconds = duration_ms(value, what)
    if milliseconds <= 0:
        raise PlanError(f"{what} must be positive; found {value!r}")
    return milliseconds


def not_negative_ms(value: Duration, what: str) -> int:
    """As ``duration_ms``, and at least 0."""
    milliseconds = duration_ms(value, what)
    if milliseconds < 0:
        raise PlanError(f"{what} must not be negative; found {value!r}")
    return milliseconds


def positive_count(value: int, what: str) -> int:
    """``value``, a number of records of at least 1. Raises ``PlanError``."""
    if type(value) is not int or value < 1:
        raise PlanError(f"{what} must be an int of at least 1; found {value!r}")
    return value


def _of_text(text: str, what: str) -> Fraction:
    match = _TEXT.fullmatch(text.lower())
    if match is None or match[2] not in _MS_PER_UNIT:
        raise PlanError(f"{what} must be {_FORMS}; found {text!r}")
    return Fraction(match[1]) * _MS_PER_UNIT[match[2]]
