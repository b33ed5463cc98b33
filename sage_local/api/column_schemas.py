"""What is known of columns before a job runs: what follows from an operator is tried on a batch without records."""

from collections.abc import Callable, Sequence
from typing import Any

from sage_local.errors import FunctionError, InvalidKeyError, PlanError
from sage_local.functions.columns import WINDOW_END, WINDOW_START, NamedAggregate


def filtered_schema(schema: Any, expression: Any, name: str) -> Any:
    """Behind a filter. This and the next raise ``PlanError`` naming operator and column for what can not be."""
    from sage_local.functions.expressions import filtered

    return _tried(schema, name, lambda batch: filtered(batch, expression))


def selected_schema(schema: Any, columns: Sequence[tuple[str, Any]], name: str, *, keeps_others: bool) -> Any:
    """Behind a projection."""
    from sage_local.functions.expressions import column_index, selected

    def select(batch: Any) -> Any:
        for column, expression in columns:
            if expression is None:
                column_index(batch.schema, column)
        return selected(batch, columns, keeps_others=keeps_others)

    return _tried(schema, name, select)


def aggregated_schema(
    schema: Any, keys: Sequence[str], aggregates: Sequence[NamedAggregate], name: str, time_column: str | None = None
) -> Any:
    """Behind an aggregate, of windows where there is a time column."""

    def aggregate(batch: Any) -> Any:
        import pyarrow as pa

        from sage_local.functions.expressions import column_index
        from sage_local.functions.grouping import Grouping, key_column
        from sage_local.functions.times import check_time_type, time_type

        groups = {key: key_column(batch, key) for key in keys}
        columns = dict(groups)
        if time_column is not None:
            kind = batch.column(column_index(batch.schema, time_column)).type
            check_time_type(kind, time_column)
            columns |= {edge: pa.array([], time_type(kind)) for edge in (WINDOW_START, WINDOW_END)}
        grouping = Grouping(aggregates)
        partial = grouping.combined(groups or {"\0": pa.array([], pa.int64())}, batch)
        return pa.RecordBatch.from_pydict({**columns, **grouping.results(partial)})

    return _tried(schema, name, aggregate)


def check_keys(schema: Any, columns: Sequence[Any]) -> None:
    """Raise for columns that can not be keyed by."""
    if not columns:
        raise FunctionError("key_by() takes the name of a column, several, or a function of the record; found none")
    for column in columns:
        if not isinstance(column, str):
            raise FunctionError(f"key_by() takes names of columns, or one function; found {column!r} among several")
    if len(set(columns)) < len(columns):
        raise PlanError(f"key_by() takes different columns, found {', '.join(columns)}")
    if schema is not None:
        from sage_local.functions.expressions import empty_batch
        from sage_local.functions.grouping import key_column

        for column in columns:
            try:
                key_column(empty_batch(schema), column)
            except (KeyError, InvalidKeyError) as error:
                raise PlanError(f"key_by(): {error.args[0]}") from None


def check_time_column(schema: Any, column: str, name: str) -> None:
    """Raise for a column that does not tell the time."""
    if schema is not None:
        from sage_local.functions.expressions import column_index
        from sage_local.functions.times import check_time_type

        try:
            check_time_type(schema.field(column_index(schema, column)).type, column)
        except (KeyError, TypeError) as error:
            raise PlanError(f"operator {name!r}: {error.args[0]}") from None


def united_schema(schemas: Sequence[Any]) -> Any:
    """What the streams of a union are widened to; ``None`` where that of one is not known."""
    from sage_local.functions.schemas import unified

    if any(schema is None for schema in schemas):
        return None
    try:
        return unified(schemas)
    except ValueError as error:
        raise PlanError(f"union(): the schemas of the streams do not fit each other: {error}") from error


def widening(found: Any, schema: Any) -> tuple[tuple[str, Any], ...]:
    """The columns to select of ``found``, for ``schema``; see ``plan.columns.SelectColumns``."""
    import pyarrow as pa
    import pyarrow.compute as pc

    def column(field: Any) -> Any:
        if field.name not in found.names:
            return pc.scalar(pa.scalar(None, field.type))
        return None if found.field(field.name).type.equals(field.type) else pc.field(field.name).cast(field.type)

    return tuple((field.name, column(field)) for field in schema)


def table_of(batches: Sequence[Any], schema: Any) -> Any:
    """``batches`` as one table; their schemas are widened to one where they differ."""
    import pyarrow as pa

    from sage_local.functions.schemas import conformed, unified

    if not batches:
        return (pa.schema([]) if schema is None else schema).empty_table()
    first = batches[0].schema
    if all(batch.schema.equals(first) for batch in batches):
        return pa.Table.from_batches(batches)
    try:
        whole = unified([batch.schema for batch in batches])
        return pa.Table.from_batches([conformed(batch, whole) for batch in batches])
    except ValueError as error:
        raise ValueError(f"the collected batches are of different schemas: {error}") from error


def _tried(schema: Any, name: str, operation: Callable[[Any], Any]) -> Any:
    """The schema of what ``operation`` makes of a batch of ``schema``; ``None`` where that is not known."""
    if schema is None:
        return None
    import pyarrow as pa

    from sage_local.functions.expressions import empty_batch

    try:
        return operation(empty_batch(schema)).schema
    except (pa.ArrowException, KeyError, TypeError, ValueError) as error:
        raise PlanError(f"operator {name!r}: {error.args[0]}") from error
