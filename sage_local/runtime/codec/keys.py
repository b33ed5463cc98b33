"""Keys as canonical bytes: keys that are equal in Python have equal bytes, others have not.

The C half writes ``None``, ``bool``, ``int``, ``float``, ``str``, ``bytes`` and tuples (``native/py_keys.h``), this
half the rest. Bytes and hash are the same in every process, run and version: key groups are computed from them, and
state is kept by key group.
"""

import dataclasses
import reprlib
from collections.abc import Callable
from datetime import UTC, date, datetime
from enum import Enum, Flag
from functools import lru_cache
from typing import Any

from sage_local.errors import InvalidKeyError
from sage_local.runtime import native

_ENUM = b"\x10"
_NAIVE_DATETIME = b"\x11"
_AWARE_DATETIME = b"\x12"
_DATE = b"\x13"
_DATACLASS = b"\x14"

Writer = Callable[[Any], bytes]


def key_bytes(key: Any) -> bytes:
    """The canonical bytes of ``key``. Raises ``InvalidKeyError`` when it has none."""
    try:
        return native.key_bytes(key, _write)
    except ValueError as error:
        raise InvalidKeyError(f"{error}; found key {reprlib.repr(key)}") from error


def check_key(key: Any) -> None:
    """Raise ``InvalidKeyError`` when ``key`` has no canonical bytes. For keys that stay in their process."""
    key_bytes(key)


def key_groups(keys: list[Any], max_parallelism: int) -> list[int]:
    """The key group of each key, less than ``max_parallelism``. Raises as ``partition`` does."""
    try:
        return native.key_groups(keys, max_parallelism, _write)
    except ValueError as error:
        raise _named(error, keys) from error


def partition(
    keys: list[Any], columns: tuple[list[Any], ...], targets: int, max_parallelism: int
) -> list[tuple[list[Any], ...]]:
    """Split ``columns``, all as long as ``keys``, by the target of each key: one tuple of lists per target, in order.

    A target owns a run of key groups: that of a key is ``key_group * targets // max_parallelism``. Raises
    ``InvalidKeyError`` with an attribute ``row``, the index of the key that has no canonical form.
    """
    try:
        return native.partition(keys, columns, targets, max_parallelism, _write)
    except ValueError as error:
        raise _named(error, keys) from error


def _named(error: ValueError, keys: list[Any]) -> Exception:
    row = getattr(error, "row", None)
    if row is None:
        return error
    named = InvalidKeyError(f"{error}; found key {reprlib.repr(keys[row])}")
    named.row = row  # type: ignore[attr-defined]  # as native.partition notes it on what _write raises
    return named


def _write(key: Any) -> bytes:
    return _writer_of(type(key))(key)  # type: ignore[arg-type]  # a class is hashable, whatever its metaclass says


@lru_cache(maxsize=1024)  # bounded, so that classes made at run time are not kept for ever
def _writer_of(kind: type) -> Writer:
    if (plain := _PLAIN.get(kind.__eq__)) is not None:
        return _writer_of_subclass(plain)
    if issubclass(kind, Enum) and kind.__eq__ is object.__eq__:
        return _writer_of_enum(kind)
    if (writer := _DATES.get(kind.__eq__)) is not None:
        return writer
    if _is_plain_dataclass(kind):
        return _writer_of_dataclass(kind)
    return _refuse


_PLAIN: dict[Any, Callable[[Any], Any]] = {
    int.__eq__: int.__index__,
    str.__eq__: str.__str__,
    float.__eq__: float.__float__,
    bytes.__eq__: lambda key: bytes(memoryview(key)),
    tuple.__eq__: lambda key: tuple.__getitem__(key, slice(None)),
}
"""Classes which compare as a plain type does (namedtuples, IntEnum, StrEnum, ...), by their ``__eq__``, and how to get
at the plain value whatever else the class overrides."""


def _writer_of_subclass(plain: Callable[[Any], Any]) -> Writer:
    return lambda key: native.key_bytes(plain(key), _write)


def _class_bytes(kind: type) -> bytes:
    return native.key_bytes((kind.__module__, kind.__qualname__), _write)


def _writer_of_enum(kind: type[Enum]) -> Writer:
    head = _ENUM + _class_bytes(kind)
    if issubclass(kind, Flag):  # a combination is known by its value
        return lambda key: head + native.key_bytes(key.value, _write)
    return lambda key: head + native.key_bytes(key.name, _write)


_EPOCH = datetime(1970, 1, 1)
_EPOCH_UTC = _EPOCH.replace(tzinfo=UTC)


def _write_datetime(key: datetime) -> bytes:
    # Comparison within a zone, and hash(), take no notice of fold.
    key = key.replace(fold=0)
    aware = key.utcoffset() is not None
    since = key - (_EPOCH_UTC if aware else _EPOCH.replace(tzinfo=key.tzinfo))
    microseconds = (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds
    return (_AWARE_DATETIME if aware else _NAIVE_DATETIME) + native.key_bytes(microseconds, _write)


def _write_date(key: date) -> bytes:
    return _DATE + native.key_bytes(key.toordinal(), _write)


_DATES: dict[Any, Writer] = {datetime.__eq__: _write_datetime, date.__eq__: _write_date}


def _is_plain_dataclass(kind: type) -> bool:
    """Frozen, and compared field by field by the method that ``dataclass`` wrote."""
    if not dataclasses.is_dataclass(kind):
        return False
    options = kind.__dataclass_params__  # type: ignore[attr-defined]  # no public name for what the class was made with
    code = getattr(kind.__eq__, "__code__", None)
    return bool(options.frozen and options.eq) and code is not None and code.co_filename == "<string>"


def _writer_of_dataclass(kind: type) -> Writer:
    head = _DATACLASS + _class_bytes(kind)
    names = tuple(field.name for field in dataclasses.fields(kind) if field.compare)
    return lambda key: head + native.key_bytes(tuple(getattr(key, name) for name in names), _write)


def _refuse(key: Any) -> bytes:
    hint = "; a numpy scalar gives its Python value by .item()" if type(key).__module__ == "numpy" else ""
    raise InvalidKeyError(
        "expected a key of int, str, bytes, bool, float, None, an enum, a date or datetime, or a tuple or frozen "
        f"dataclass of these, found {type(key).__qualname__}: {reprlib.repr(key)}{hint}"
    )
