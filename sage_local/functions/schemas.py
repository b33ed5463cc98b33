"""Schemas of columns: how they are shown, and the one rule by which several are widened to one."""

import re
from collections.abc import Sequence
from typing import Any


def shown(schema: Any) -> str:
    """``schema`` on one line."""
    return ", ".join(f"{_named(field.name)} {field.type}" for field in schema)


def _named(text: str) -> str:
    """``text`` with the engine's own columns (see ``grouping``) by names that say what they are."""
    return re.sub(r"\0(\w+)\0(?=\S)", r"\1 of ", text).replace("\0", "")


def unified(schemas: Sequence[Any], *, names: Sequence[str] = ()) -> Any:
    """One schema that the values of all ``schemas`` fit.

    Numbers become wider or floats, nulls anything; a column that only some have is null in the others; times of
    different zones are shown in the first one's. ``ValueError`` has two schemas that do not go together, each with its
    name: ``names``, or what came before and what came now.
    """
    import pyarrow as pa

    whole = schemas[0]
    for index, schema in enumerate(schemas[1:], 1):
        try:
            whole = pa.unify_schemas([whole, _in_zones_of(schema, whole)], promote_options="permissive")
        except pa.ArrowException as error:
            before, now = (names[0], names[index]) if names else ("before", "now")
            raise ValueError(f"{_named(str(error))}\n{before}: {shown(whole)}\n{now}: {shown(schema)}") from error
    return whole


def _in_zones_of(found: Any, schema: Any) -> Any:
    """``found`` with times in the zone that they are shown in by ``schema``: the instants are the same."""
    import pyarrow as pa

    for index, field in enumerate(found):
        other = schema.field(field.name).type if field.name in schema.names else None
        both = [kind for kind in (other, field.type) if kind is not None and pa.types.is_timestamp(kind) and kind.tz]
        if len(both) == 2:
            found = found.set(index, field.with_type(pa.timestamp(field.type.unit, both[0].tz)))
    return found


def conformed(batch: Any, schema: Any) -> Any:
    """``batch`` with the columns and types of ``schema``, to which its own was widened; missing ones are null.

    ``ValueError`` names a column with a value that is lost by it.
    """
    import pyarrow as pa

    if batch.schema.equals(schema):
        return batch
    if not len(schema):
        # Of no columns only the number of records is known, which a batch without columns can not tell.
        return batch
    columns = [_conformed(batch, field) for field in schema]
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def _conformed(batch: Any, field: Any) -> Any:
    import pyarrow as pa

    index = batch.schema.get_field_index(field.name)
    if index < 0:
        return pa.nulls(len(batch), field.type)
    column = batch.column(index)
    try:
        return column if column.type.equals(field.type) else column.cast(field.type)
    except pa.ArrowException as error:
        raise ValueError(
            f"column {_named(field.name)!r} of type {column.type} was widened to {field.type}: {error}"
        ) from error


def same_names(schema: Any) -> list[str]:
    """The names that more than one column has."""
    return sorted({name for name in schema.names if schema.names.count(name) > 1})


def check_not_null(batch: Any) -> Any:
    """``batch``; ``ValueError`` for a null in a column whose field says that there is none."""
    for field, column in zip(batch.schema, batch.columns, strict=True):
        if column.null_count and not field.nullable:
            first = column.is_null().index(True).as_py()
            raise ValueError(f"column {field.name!r} is declared to be without nulls, found one in row {first}")
    return batch
