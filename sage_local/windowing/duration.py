"""Lengths of time as users write them: ``timedelta``, whole milliseconds, or text such as ``"10s"``."""

import re
from datetime import timedelta

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
        milliseconds, rest = divmod(value, timedelta(milliseconds=1))
        is_whole = not rest
    elif isinstance(value, str):
        milliseconds, is_whole = _of_text(value, what)
    elif type(value) is int:
        return value
    else:
        raise PlanError(f"{what} must be {_FORMS}; found {value!r} of type {type(value).__name__}")
    if not is_whole:
        raise PlanError(f"{what} must be a whole number of milliseconds; found {value!r}")
    return milliseconds


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


def _of_text(text: str, what: str) -> tuple[int, bool]:
    """Whole milliseconds, and whether that is all."""
    match = _TEXT.fullmatch(text.lower())
    if match is None or match[2] not in _MS_PER_UNIT:
        raise PlanError(f"{what} must be {_FORMS}; found {text!r}")
    # Not by float: 0.3 s would be a little less than 300 ms.
    whole, _, decimals = match[1].partition(".")
    scale = 10 ** len(decimals)
    milliseconds, rest = divmod(int(whole + decimals) * _MS_PER_UNIT[match[2]], scale)
    return milliseconds, rest == 0
