"""What user functions return as tables, by whatever library."""

from collections.abc import Iterator
from typing import Any

from sage_local.functions.schemas import check_not_null, same_names, shown


def batches_of(returned: Any, schema: Any = None) -> list[Any]:
    """The record batches of a table of pyarrow, or of anything with the Arrow PyCapsule interface (or duckdb's).

    ``TypeError`` when it is no table, ``ValueError`` when it does not have ``schema``, where one was declared.
    """
    import pyarrow as pa

    try:
        batches = list(_batches(returned))
    except pa.ArrowInvalid as error:
        # A single column has the interface too.
        if "non-struct" not in str(error):
            raise
        raise _no_table(returned) from error
    for batch in batches:
        _refuse_twice(batch.schema)
    if schema is None:
        return batches
    return [_of_schema(batch, schema) for batch in batches]


def _batches(returned: Any) -> Iterator[Any]:
    import pyarrow as pa

    if isinstance(returned, pa.RecordBatch):
        yield returned
    elif isinstance(returned, pa.Table):
        yield from returned.to_batches()
    elif hasattr(returned, "__arrow_c_stream__"):
        yield from pa.RecordBatchReader.from_stream(returned)
    elif hasattr(returned, "__arrow_c_array__"):
        yield pa.record_batch(returned)
    else:
        raise _no_table(returned)


def _no_table(returned: Any) -> TypeError:
    return TypeError(
        "map_batches() takes a function that returns a table: a RecordBatch, a Table, or anything with the Arrow"
        f" PyCapsule interface such as a polars DataFrame; found {type(returned).__name__}"
        + ("; a lazy frame is collected by .collect()" if type(returned).__name__ == "LazyFrame" else "")
    )


def _refuse_twice(schema: Any) -> None:
    if twice := same_names(schema):
        raise ValueError(f"expected columns of different names, found more than one {', '.join(twice)}")


def _of_schema(batch: Any, schema: Any) -> Any:
    """``batch`` with exactly the declared names and types; types that hold the same values are taken for each other."""
    import pyarrow as pa

    if batch.schema.equals(schema):
        return check_not_null(batch)
    if set(batch.schema.names) == set(schema.names) and all(
        _is_of_a_kind(batch.schema.field(field.name).type, field.type) for field in schema
    ):
        try:
            columns = [batch.column(field.name).cast(field.type) for field in schema]
            return check_not_null(pa.RecordBatch.from_arrays(columns, schema=schema))
        except pa.ArrowException as error:
            raise ValueError(_breach(batch.schema, schema) + f" ({error})") from error
    raise ValueError(_breach(batch.schema, schema))


def _is_of_a_kind(found: Any, declared: Any) -> bool:
    """Whether values of ``found`` can be values of ``declared``: text can be parsed to a number, but is none."""
    import pyarrow as pa

    found, declared = _stored(found), _stored(declared)
    if pa.types.is_null(found):
        return True
    if found.num_fields or declared.num_fields:
        return found.num_fields == declared.num_fields and all(
            _is_of_a_kind(found.field(index).type, declared.field(index).type) for index in range(found.num_fields)
        )
    return bool(_kind(found) == _kind(declared))


def _stored(kind: Any) -> Any:
    """Of what the values are, however they are stored."""
    import pyarrow as pa

    if pa.types.is_dictionary(kind) or pa.types.is_run_end_encoded(kind):
        return _stored(kind.value_type)
    return _stored(kind.storage_type) if isinstance(kind, pa.BaseExtensionType) else kind


def _kind(kind: Any) -> Any:
    """One for all types of numbers, one for all of text, and so on."""
    from pyarrow import types

    if types.is_integer(kind) or types.is_floating(kind) or types.is_decimal(kind):
        return "number"
    if types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind):
        return "text"
    if (
        types.is_binary(kind)
        or types.is_large_binary(kind)
        or types.is_binary_view(kind)
        or types.is_fixed_size_binary(kind)
    ):
        return "bytes"
    if types.is_timestamp(kind):
        return "instant" if kind.tz else "local time"
    return "date" if types.is_date(kind) else "time" if types.is_time(kind) else kind.id


def _breach(found: Any, declared: Any) -> str:
    return f"the function broke its declared schema: expected {shown(declared)}; found {shown(found)}"
