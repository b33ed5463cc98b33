"""From streams of rows to streams of columns."""

from typing import Any, get_args, get_type_hints

from sage_local.api.columns import ColumnStream
from sage_local.api.names import operator_name
from sage_local.api.upstream import Upstream
from sage_local.functions import Role, bind
from sage_local.functions.record_schemas import declared_schema, is_record_class
from sage_local.plan.columns import RowsToColumns
from sage_local.plan.operators import FlatMap, Map


def rows_to_columns(end: Upstream, schema: Any, name: str | None) -> ColumnStream:
    """The records of ``end`` as columns."""
    declared = declared_schema(schema if schema is not None else _annotated(end))
    operator = RowsToColumns(name=operator_name(name, None, "columns"), schema=declared)
    return ColumnStream(end.attach(operator, None).unkeyed(), declared)


def _annotated(end: Upstream) -> Any:
    """The record class that the function before is annotated to return; ``None`` where there is none."""
    if len(end.inputs) != 1 or end.inputs[0].tag is not None:
        return None
    operator = end.program.operator(end.inputs[0].node)
    if not isinstance(operator, Map | FlatMap):
        return None
    function = bind(operator.function, Role.MAP if isinstance(operator, Map) else Role.FLAT_MAP)
    if isinstance(function, type):
        return function if isinstance(operator, Map) and is_record_class(function) else None
    try:
        returned = get_type_hints(function).get("return")
    except (AttributeError, NameError, TypeError):
        # Annotations that can not be resolved say nothing; the records themselves will.
        return None
    if isinstance(operator, FlatMap):
        returned = next(iter(get_args(returned)), None)
    return returned if is_record_class(returned) else None
