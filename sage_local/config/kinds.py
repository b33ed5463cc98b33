"""Kinds of setting values: how each is written, and how the written form becomes the value.

A value may always be written as text, since that is all a command line and an environment variable have.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Generic, TypeVar

T_co = TypeVar("T_co", covariant=True)
E = TypeVar("E", bound=Enum)

_DURATION_MS = {"ms": 1, "s": 1000, "sec": 1000, "m": 60_000, "min": 60_000, "h": 3_600_000, "d": 86_400_000}
_SIZE_BYTES = {"b": 1, "kb": 2**10, "k": 2**10, "mb": 2**20, "m": 2**20, "gb": 2**30, "g": 2**30, "tb": 2**40}
_QUANTITY = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([a-z]*)\s*", re.IGNORECASE)
_TRUTH = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}


@dataclass(frozen=True, slots=True)
class Kind(Generic[T_co]):
    """``expected`` completes "expected ..."; ``read`` returns the value, or ``None`` where it is ill-formed."""

    name: str
    expected: str
    read: Callable[[object], T_co | None]


def integer(*, at_least: int, at_most: int | None = None) -> Kind[int]:
    """A whole number within bounds; a bool is not a number here."""
    bounds = f"of at least {at_least}" if at_most is None else f"from {at_least} to {at_most}"

    def read(written: object) -> int | None:
        number = _whole_number(written)
        fits = number is not None and at_least <= number and (at_most is None or number <= at_most)
        return number if fits else None

    return Kind("integer", f"a whole number {bounds}", read)


def boolean() -> Kind[bool]:
    """True or False, or a usual word for it."""

    def read(written: object) -> bool | None:
        if isinstance(written, bool):
            return written
        return _TRUTH.get(written.strip().lower()) if isinstance(written, str) else None

    return Kind("boolean", "true or false", read)


def choice(options: type[E]) -> Kind[E]:
    """One of the enum's members or its value, in any case and with ``_`` for ``-``."""
    folded = {_fold(option.value): option for option in options}

    def read(written: object) -> E | None:
        if isinstance(written, options):
            return written
        return folded.get(_fold(written)) if isinstance(written, str) else None

    values = [str(option.value) for option in options]
    return Kind(" | ".join(values), "one of " + ", ".join(repr(value) for value in values), read)


def duration_ms(*, at_least: int = 0) -> Kind[int]:
    """A duration in milliseconds; a bare number is milliseconds, as in Flink."""
    expected = 'a duration such as 500 (milliseconds), "100ms", "30s", "5m", "1h"'
    if at_least:
        expected += f", at least {at_least} ms"

    def read(written: object) -> int | None:
        found = _quantity(written, _DURATION_MS)
        return found if found is None or found >= at_least else None

    return Kind("duration", expected, read)


def size_bytes(*, at_least: int = 0, at_most: int | None = None) -> Kind[int]:
    """A size in bytes, within bounds; units are powers of 1024, as in Flink."""
    expected = 'a size such as 4096 (bytes), "64kb", "4mb", "4gb"'
    if at_most is not None:
        expected += f", from {_in_units(at_least, _SIZE_BYTES)} to {_in_units(at_most, _SIZE_BYTES)}"

    def read(written: object) -> int | None:
        size = _quantity(written, _SIZE_BYTES)
        fits = size is not None and at_least <= size and (at_most is None or size <= at_most)
        return size if fits else None

    return Kind("size", expected, read)


def text(expected: str) -> Kind[str]:
    """Any text that is not blank."""

    def read(written: object) -> str | None:
        return str.__str__(written) if isinstance(written, str) and written.strip() else None

    return Kind("text", expected, read)


def fraction() -> Kind[float]:
    """A number from 0 to 1."""

    def read(written: object) -> float | None:
        if isinstance(written, bool) or not isinstance(written, int | float | str):
            return None
        try:
            number = float(written)
        except ValueError:
            return None
        return number if 0 <= number <= 1 else None

    return Kind("number", "a number from 0 to 1", read)


def as_written(kind: Kind[object], value: object) -> str:
    """A value as a user would write it: ``4mb``, ``10m``, ``true``."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Enum):
        return str(value.value)
    units = {"duration": _DURATION_MS, "size": _SIZE_BYTES}.get(kind.name)
    return _in_units(value, units) if units is not None and isinstance(value, int) else str(value)


def _in_units(value: int, units: dict[str, int]) -> str:
    """In the largest unit that divides the value; of two names for a unit, the first."""
    factor, unit = max((factor, unit) for unit, factor in _first_names(units).items() if value % factor == 0)
    return f"{value // factor}{unit}"


def _first_names(units: dict[str, int]) -> dict[str, int]:
    return {next(name for name in units if units[name] == factor): factor for factor in units.values()}


def _fold(word: str) -> str:
    return word.strip().lower().replace("_", "-")


def _whole_number(written: object) -> int | None:
    if isinstance(written, bool) or not isinstance(written, int | float | str):
        return None
    if isinstance(written, str):
        return int(written) if re.fullmatch(r"\s*[+-]?\d+\s*", written) else None
    return int(written) if written == written // 1 else None


def _quantity(written: object, units: dict[str, int]) -> int | None:
    """``written`` in the smallest unit; ``None`` where that is not a whole number or the unit is unknown."""
    if not isinstance(written, str):
        number = _whole_number(written)
        return number if number is not None and number >= 0 else None
    match = _QUANTITY.fullmatch(written)
    if match is None:
        return None
    digits, unit = match[1], match[2].lower()
    factor = units.get(unit) if unit else 1
    return None if factor is None else _whole_number(float(digits) * factor if "." in digits else int(digits) * factor)
