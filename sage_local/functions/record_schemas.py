"""Records as rows and as columns: schemas of annotated classes, and both ways between them."""

import copyreg
import dataclasses
import typing
from collections.abc import Mapping, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from types import NoneType, UnionType
from typing import Any, Final

from sage_local.errors import FunctionError
from sage_local.functions.schemas import check_not_null, conformed, shown, unified

_SCALARS: Final = frozenset({NoneType, bool, int, float, str, bytes, date, datetime, time, timedelta, Decimal})


def is_record_class(cls: Any) -> bool:
    """Whether the fields of a class are annotated: a dataclass, a ``TypedDict`` or a ``NamedTuple``."""
    if not isinstance(cls, type):
        return False
    return dataclasses.is_dataclass(cls) or typing.is_typeddict(cls) or _is_named_tuple(cls)


def schema_of(cls: Any) -> Any:
    """The schema that ``cls`` says its instances have. ``FunctionError`` names a field that has no Arrow type."""
    import pyarrow as pa

    hints = typing.get_type_hints(cls)
    names = [field.name for field in dataclasses.fields(cls)] if dataclasses.is_dataclass(cls) else list(hints)
    fields = []
    for name in names:
        try:
            fields.append(pa.field(name, _arrow_type(hints[name])))
        except TypeError as error:
            raise FunctionError(
                f"field {name!r} of {cls.__qualname__} has no column type: {error}; give a pyarrow.Schema instead"
            ) from error
    return pa.schema(fields)


def declared_schema(given: Any) -> Any:
    """The ``pyarrow.Schema`` that a user gave, or that the class he gave has; ``None`` stays ``None``."""
    import pyarrow as pa

    if given is None or isinstance(given, pa.Schema):
        return given
    if is_record_class(given):
        return schema_of(given)
    raise FunctionError(
        f"schema: expected a pyarrow.Schema, or a dataclass, TypedDict or NamedTuple whose fields are annotated; found"
        f" {given!r}"
    )


def dictionaries(batch: Any) -> list[dict[str, Any]]:
    """Each record of ``batch``."""
    names = batch.schema.names
    columns = [_values(column) for column in batch.columns]
    if not columns:
        return [{} for _ in range(len(batch))]
    return [dict(zip(names, values, strict=True)) for values in zip(*columns, strict=True)]


def record_batch(records: Sequence[Any], schema: Any, *, is_declared: bool) -> Any:
    """``records`` as columns.

    Of ``schema`` where it is declared. Where it is what was inferred from earlier records, it is widened where these
    ask for it; what can not be is a ``ValueError`` with both schemas.
    """
    rows = [_mapping(record) for record in records]
    if is_declared:
        return _of_declared(rows, schema)
    found = _inferred(rows)
    if schema is None or found.schema.equals(schema):
        return found
    try:
        return conformed(found, unified([schema, found.schema]))
    except ValueError as error:
        raise ValueError(f"the records have other columns than those before: {error}") from error


def _inferred(rows: list[Mapping[str, Any]]) -> Any:
    import pyarrow as pa

    # Not from_pylist(): for that the first record has all the columns there are.
    names = dict.fromkeys(name for row in rows for name in row)
    if not names:
        raise ValueError("records without any field can not become columns, found {}")
    return pa.RecordBatch.from_pydict({_text(name): _column(name, [row.get(name) for row in rows]) for name in names})


def _text(name: Any) -> str:
    if not isinstance(name, str):
        raise TypeError(f"the names of columns are text, found the field {name!r}")
    return name


def _column(name: str, values: list[Any], kind: Any = None) -> Any:
    """``values`` as an array, of type ``kind`` where it is given; ``ValueError`` where one would become another."""
    import pyarrow as pa

    types = set(map(type, values))
    if not types <= _SCALARS:
        values = [_without_records(value) for value in values]
    try:
        column = pa.array(values, kind)
    except (pa.ArrowException, OverflowError, TypeError) as error:
        hint = "; a schema says of what type it is to be" if kind is None else f"; it is declared to be {kind}"
        raise ValueError(f"column {name!r}: {error}{hint}") from error
    if kind is not None and not _holds(kind, types, values):
        _check_same(name, column, values)
    return column


def _holds(kind: Any, found: set[type], values: list[Any]) -> bool:
    """Whether Arrow makes a column of ``kind`` of values of the types ``found`` without changing any, or fails.

    It cuts fractions off, times within a day, and what is finer than the unit of a time.
    """
    import pyarrow as pa

    if pa.types.is_timestamp(kind) and kind.unit in ("us", "ns") and found <= {datetime, NoneType}:
        return all((value.tzinfo is None) == (kind.tz is None) for value in values if value is not None)
    # A whole number in a column of times is one of its units.
    return (
        found <= {int, NoneType}
        or pa.types.is_nested(kind)
        or pa.types.is_floating(kind)
        or (pa.types.is_decimal(kind) and found <= {Decimal, int, NoneType})
        or (kind == pa.string() and found <= {str, NoneType})
        or (kind == pa.binary() and found <= {bytes, NoneType})
        or (kind == pa.bool_() and found <= {bool, NoneType})
        or (kind == pa.date32() and found <= {date, NoneType})
    )


def _check_same(name: str, column: Any, values: list[Any]) -> None:
    for value, kept in zip(values, column.to_pylist(), strict=True):
        if value != kept:
            raise ValueError(f"column {name!r} of type {column.type} can not hold {value!r}: it would become {kept!r}")


def _without_records(value: Any) -> Any:
    """``value`` with the records that are nested in it as dictionaries: Arrow knows no others."""
    if _is_record(value):
        return {name: _without_records(each) for name, each in _mapping(value).items()}
    if isinstance(value, list | tuple) and not _SCALARS.issuperset(map(type, value)):
        return [_without_records(each) for each in value]
    if isinstance(value, dict) and not _SCALARS.issuperset(map(type, value.values())):
        return {name: _without_records(each) for name, each in value.items()}
    return value


def _is_record(value: Any) -> bool:
    return (dataclasses.is_dataclass(value) and not isinstance(value, type)) or _is_named_tuple(type(value))


def _of_declared(rows: list[Mapping[str, Any]], schema: Any) -> Any:
    import pyarrow as pa

    names = set(schema.names)
    for row in rows:
        if not row.keys() <= names:
            unknown = ", ".join(sorted(map(str, row.keys() - names)))
            raise ValueError(f"expected the columns {shown(schema)}, found a record with {unknown} too: {dict(row)!r}")
    columns = [_column(field.name, [row.get(field.name) for row in rows], field.type) for field in schema]
    return check_not_null(pa.RecordBatch.from_arrays(columns, schema=schema))


def _mapping(record: Any) -> Mapping[str, Any]:
    if isinstance(record, Mapping):
        return record
    if dataclasses.is_dataclass(record) and not isinstance(record, type):
        return {field.name: getattr(record, field.name) for field in dataclasses.fields(record)}
    if _is_named_tuple(type(record)):
        fields: Mapping[str, Any] = record._asdict()
        return fields
    raise TypeError(
        f"only dictionaries, dataclasses and named tuples become columns, found a {type(record).__name__}: {record!r}"
    )


def _values(column: Any) -> list[Any]:
    import pyarrow as pa

    kind = column.type
    # By numpy where nothing is lost by it: a third of the time.
    if column.null_count == 0 and (pa.types.is_integer(kind) or pa.types.is_float32(kind) or pa.types.is_float64(kind)):
        plain: list[Any] = column.to_numpy(zero_copy_only=False).tolist()
        return plain
    if pa.types.is_timestamp(kind) and kind.unit == "ns":
        column = _in_microseconds(column)
    if pa.types.is_interval(kind):
        copyreg.pickle(pa.MonthDayNano, _reduced)
    values: list[Any] = column.to_pylist()
    return values


def _in_microseconds(column: Any) -> Any:
    """``column`` of nanoseconds as plain datetimes have it, where none is lost: of others pandas makes its own."""
    import pyarrow as pa

    try:
        return column.cast(pa.timestamp("us", column.type.tz))
    except pa.ArrowInvalid:
        return column


def _reduced(interval: Any) -> Any:
    """Arrow's interval for pickle, which looks for its class where it is not."""
    return _interval, tuple(interval)


def _interval(*parts: int) -> Any:
    import pyarrow as pa

    return pa.MonthDayNano(parts)


def _is_named_tuple(cls: type) -> bool:
    return issubclass(cls, tuple) and hasattr(cls, "_fields")


def _arrow_type(hint: Any) -> Any:
    import pyarrow as pa

    plain = {
        bool: pa.bool_(),
        int: pa.int64(),
        float: pa.float64(),
        str: pa.string(),
        bytes: pa.binary(),
        date: pa.date32(),
        datetime: pa.timestamp("us", "UTC"),
        timedelta: pa.duration("us"),
        Decimal: pa.decimal128(38, 18),
    }
    if hint in plain:
        return plain[hint]
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, UnionType):
        chosen = [each for each in arguments if each is not NoneType]
        if len(chosen) == 1:
            return _arrow_type(chosen[0])
    if origin in (list, tuple, Sequence) and arguments and arguments[1:] in ((), (Ellipsis,)):
        return pa.list_(_arrow_type(arguments[0]))
    if origin in (dict, Mapping) and len(arguments) == 2:
        return pa.map_(_arrow_type(arguments[0]), _arrow_type(arguments[1]))
    if is_record_class(hint):
        return pa.struct(list(schema_of(hint)))
    raise TypeError(f"{hint!r} has no Arrow type")
