"""Arrow expressions over one batch, and what they say of its schema."""

import re
from collections.abc import Sequence
from difflib import get_close_matches
from typing import Any

from sage_local.functions.taking import kept


def evaluate(batch: Any, expressions: Sequence[Any]) -> list[Any]:
    """The values of each of ``expressions``, an array as long as ``batch``.

    ``KeyError`` offers the nearest name of a column that is not there; ``TypeError`` and ``ValueError`` say which
    expression can not be computed, of what columns.
    """
    import pyarrow as pa

    try:
        return _evaluated(batch, expressions)
    except pa.ArrowException as error:
        raise _explained(error, batch, expressions) from error


def _evaluated(batch: Any, expressions: Sequence[Any]) -> list[Any]:
    import pyarrow as pa
    from pyarrow import acero

    source = acero.Declaration("table_source", acero.TableSourceNodeOptions(pa.Table.from_batches([batch])))
    names = [str(index) for index in range(len(expressions))]
    project = acero.Declaration("project", acero.ProjectNodeOptions(list(expressions), names))
    # In this thread: a worker has one core.
    table = acero.Declaration.from_sequence([source, project]).to_table(use_threads=False)
    return [_whole(column) for column in table.columns]


def _whole(column: Any) -> Any:
    import pyarrow as pa

    if column.num_chunks == 1:
        return column.chunk(0)
    if column.num_chunks == 0:
        return pa.nulls(0, column.type)
    return pa.concat_arrays(column.chunks)


def filtered(batch: Any, expression: Any) -> Any:
    """The records of ``batch`` for which ``expression`` is true; null is not."""
    import pyarrow as pa

    # Not batch.filter(expression): that filters column by column, and takes twice as long.
    mask = evaluate(batch, [expression])[0]
    if not pa.types.is_boolean(mask.type):
        raise TypeError(f"a filter takes an expression that is true or false, found one of type {mask.type}")
    true = mask.true_count
    if true == len(batch):
        return batch
    return batch.slice(0, 0) if not true else kept(batch, mask)


def selected(batch: Any, columns: Sequence[tuple[str, Any]], *, keeps_others: bool) -> Any:
    """See ``plan.columns.SelectColumns``."""
    import pyarrow as pa

    computed = [(name, expression) for name, expression in columns if expression is not None]
    values = evaluate(batch, [expression for _, expression in computed]) if computed else []
    arrays = {name: array for (name, _), array in zip(computed, values, strict=True)}
    names = [name for name, _ in columns]
    if keeps_others:
        names = [*batch.schema.names, *(name for name in names if name not in batch.schema.names)]
    values = [arrays[name] if name in arrays else batch.column(name) for name in names]
    if not values:
        raise ValueError("select() takes at least one column, found none")
    fields = [
        pa.field(name, array.type) if name in arrays else batch.schema.field(name)
        for name, array in zip(names, values, strict=True)
    ]
    return pa.RecordBatch.from_arrays(values, schema=pa.schema(fields))


def column_index(schema: Any, name: str) -> int:
    """Where column ``name`` is. ``KeyError`` offers the nearest name where there is none."""
    if (index := schema.get_field_index(name)) >= 0:
        return int(index)
    raise KeyError(unknown_column(schema, name))


def unknown_column(schema: Any, name: str) -> str:
    """What to say of a column that is not there."""
    near = get_close_matches(name, schema.names, n=1, cutoff=0.5)
    hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(map(repr, schema.names)) or 'none'}"
    return f"there is no column {name!r}: {hint}"


def empty_batch(schema: Any) -> Any:
    """A batch without records."""
    import pyarrow as pa

    # Not pa.array([], type): that makes no unions.
    return pa.RecordBatch.from_arrays([pa.nulls(0, field.type) for field in schema], schema=schema)


def referenced(expression: Any, schema: Any) -> list[str]:
    """The columns of ``schema`` that ``expression`` needs: found by leaving out each in turn."""
    return [
        name for name in schema.names if _fails(empty_batch(schema.remove(schema.get_field_index(name))), expression)
    ]


def _explained(error: Any, batch: Any, expressions: Sequence[Any]) -> Exception:
    """``error`` of one of ``expressions``, in other words."""
    import pyarrow as pa

    text = str(error).split("\n", 1)[0]
    schema = batch.schema
    if (missing := re.search(r"FieldRef\.(?:Name|Nested)\((.*?)\)+ in", text)) is not None:
        name = missing[1].removeprefix("FieldRef.Name(")
        if name not in schema.names:
            return KeyError(unknown_column(schema, name))
    shown = next((str(each) for each in expressions if _fails(batch, each)), ", ".join(map(str, expressions)))
    named = [field for field in schema if re.search(rf"(?<!\w){re.escape(field.name)}(?!\w)", shown)]
    where = f", where {' and '.join(f'{field.name} is {field.type}' for field in named)}" if named else ""
    kind = TypeError if isinstance(error, pa.ArrowNotImplementedError | pa.ArrowTypeError) else ValueError
    return kind(f"{text}, in {shown}{where}")


def _fails(batch: Any, expression: Any) -> bool:
    import pyarrow as pa

    try:
        _evaluated(batch, [expression])
    except pa.ArrowException:
        return True
    return False
