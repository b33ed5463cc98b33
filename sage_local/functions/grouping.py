"""Vectorised aggregates that can be taken in parts: of a batch, of what came before it, of all that was sent here.

A *partial* is a batch with the columns to group by, and a column for each part of an aggregate. Partials of different
records are merged by grouping them again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sage_local.errors import InvalidKeyError
from sage_local.functions.columns import NamedAggregate
from sage_local.functions.dense import densely_grouped
from sage_local.functions.expressions import column_index
from sage_local.functions.schemas import conformed, shown, unified
from sage_local.functions.sums import is_summed_exactly, sums
from sage_local.functions.taking import taken

_MERGED_BY: Final = {"count": "sum", "size": "sum", "float_sum": "sum"}
"""How parts are merged that are not merged by themselves."""
_PLACES: Final = {"first": "min", "last": "max"}
"""What the rows of the first and last values are among those of all."""
_NO_STEPS: Final[Mapping[str, int]] = {}


@dataclass(frozen=True, slots=True)
class _Part:
    """``function`` of ``column``."""

    function: str
    column: str

    @property
    def name(self) -> str:
        """Of the column in partials: no column of a user is called so."""
        return f"\0{self.function}\0{self.column}"


_RECORDS: Final = _Part("size", "")


class Grouping:
    """What to compute of groups: ``aggregates``, whose parts it knows.

    ``tells_records``: partials say of how many records they are, whatever the aggregates need.
    """

    def __init__(self, aggregates: Sequence[NamedAggregate], *, tells_records: bool = False) -> None:
        self._aggregates = tuple(aggregates)
        parts = [part for each in aggregates for part in _parts_of(each)]
        self._parts = list(dict.fromkeys([*parts, _RECORDS] if tells_records else parts))

    def combined(self, groups: Mapping[str, Any], batch: Any, steps: Mapping[str, int] = _NO_STEPS) -> Any:
        """The partial of ``batch``; ``groups`` are the columns to group by, ``steps`` as of ``densely_grouped``."""
        todo = [(part.name, part.function, self._input(part, batch)) for part in self._parts]
        return _grouped(groups, todo, steps)

    def lifted(self, groups: Mapping[str, Any], batch: Any) -> Any:
        """A partial too, with one group for each record: for batches that grouping would hardly make smaller."""
        import pyarrow as pa

        columns = {part.name: _lifted(part.function, self._input(part, batch), len(batch)) for part in self._parts}
        return pa.RecordBatch.from_pydict({**groups, **columns})

    def merged(self, names: Sequence[str], partials: Sequence[Any], steps: Mapping[str, int] = _NO_STEPS) -> Any:
        """One partial of several, grouped by their columns ``names``; what came first is taken for first."""
        whole = joined(partials)
        groups = {name: whole.column(name) for name in names}
        todo = [
            (part.name, _MERGED_BY.get(part.function, part.function), whole.column(part.name)) for part in self._parts
        ]
        return _grouped(groups, todo, steps)

    def without_records(self, partial: Any) -> Any:
        """``partial`` of a grouping that tells records, without what only that one asked for."""
        return partial if _RECORDS in self._parts else partial.drop_columns([_RECORDS.name])

    def results(self, partial: Any) -> dict[str, Any]:
        """The columns of the aggregates, by name."""
        return {each.name: _result(each, partial) for each in self._aggregates}

    def _input(self, part: _Part, batch: Any) -> Any:
        if part.function == "size":
            return None
        values = plain(batch.column(column_index(batch.schema, part.column)))
        _check(part.function, part.column, values.type)
        return _as_float(values) if part.function == "float_sum" else values


def records_of(partial: Any) -> Any:
    """Of how many records each row is, as an array of numpy; see ``Grouping``."""
    return partial.column(_RECORDS.name).to_numpy()


def _parts_of(aggregate: NamedAggregate) -> list[_Part]:
    if aggregate.function == "mean":
        return [_Part("float_sum", aggregate.column), _Part("count", aggregate.column)]
    if aggregate.function == "size":
        return [_RECORDS]
    return [_Part(aggregate.function, aggregate.column)]


def _result(aggregate: NamedAggregate, partial: Any) -> Any:
    import pyarrow.compute as pc

    parts = [partial.column(part.name) for part in _parts_of(aggregate)]
    if aggregate.function != "mean":
        return parts[0]
    total, number = parts
    return pc.divide(total, pc.if_else(pc.greater(number, 0), number, None).cast("float64"))


def _check(function: str, column: str, kind: Any) -> None:
    import pyarrow as pa

    numeric = pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)
    if function in ("sum", "float_sum") and not (numeric or pa.types.is_boolean(kind) or pa.types.is_null(kind)):
        shown = "mean" if function == "float_sum" else function
        raise TypeError(f"column {column!r} has no {shown}: expected numbers, found type {kind}")
    if function in ("min", "max") and (pa.types.is_nested(kind) or pa.types.is_interval(kind)):
        raise TypeError(f"column {column!r} has no {function}: values of type {kind} have no order")
    if function in ("min", "max") and pa.types.is_duration(kind):
        raise TypeError(f"column {column!r} has no {function}: cast it from {kind} to int64 before")


def plain(column: Any) -> Any:
    """``column`` without what is only another way of storing it: dictionaries, views, runs; grouping takes none."""
    import pyarrow as pa
    import pyarrow.compute as pc

    kind = column.type
    if pa.types.is_dictionary(kind):
        return plain(column.dictionary_decode())
    if pa.types.is_run_end_encoded(kind):
        return plain(pc.run_end_decode(column))
    if pa.types.is_string_view(kind):
        return column.cast(pa.string())
    if pa.types.is_binary_view(kind):
        return column.cast(pa.binary())
    if pa.types.is_float16(kind):
        return column.cast(pa.float32())
    if pa.types.is_decimal(kind) and kind.bit_width < 128:
        return column.cast(pa.decimal128(kind.precision, kind.scale))
    return column


def key_column(batch: Any, name: str) -> Any:
    """Column ``name`` as a key; raises ``InvalidKeyError`` for a type that has no equal keys of rows, and for NaN."""
    import pyarrow as pa
    import pyarrow.compute as pc

    given = batch.column(column_index(batch.schema, name))
    column = plain(given)
    kind = column.type
    types = pa.types
    is_other = types.is_nested(kind) or types.is_decimal(kind) or types.is_time(kind) or types.is_duration(kind)
    if is_other or isinstance(kind, pa.BaseExtensionType):
        raise InvalidKeyError(
            f"column {name!r} of type {given.type} is no key: keys are whole numbers, floats, text, bytes, truth"
            " values, dates and timestamps"
        )
    if types.is_floating(kind):
        if pc.any(pc.is_nan(column)).as_py():
            raise InvalidKeyError(f"key column {name!r} has a NaN, which is equal to nothing: filter it out before")
        # -0.0 becomes 0.0, which it is equal to.
        return pc.add(column, pa.scalar(0, kind))
    return column


def joined(batches: Sequence[Any]) -> Any:
    """One batch of several, their schemas widened to one; ``ValueError`` with both where that can not be."""
    import pyarrow as pa

    if len(batches) == 1:
        return batches[0]
    first = batches[0].schema
    if not all(batch.schema.equals(first) for batch in batches):
        try:
            whole = unified([batch.schema for batch in batches])
            batches = [conformed(batch, whole) for batch in batches]
        except ValueError as error:
            raise ValueError(f"the schema changed on the way: {error}") from error
    try:
        return pa.concat_batches(batches)
    except pa.ArrowInvalid as error:
        raise _explained(error, batches) from error


def _explained(error: Any, batches: Sequence[Any]) -> ValueError:
    """``error`` with the columns whose offsets of 32 bits do not reach so far."""
    import pyarrow as pa

    fields = batches[0].schema
    large = [field for field in fields if sum(batch.column(field.name).nbytes for batch in batches) >= 2**31]
    if "offset overflow" not in str(error) or not large:
        return ValueError(str(error))
    return ValueError(
        f"more than 2 GiB in one batch, of column {shown(pa.schema(large))}: cast it to its large type before, such as"
        " large_string"
    )


def _grouped(groups: Mapping[str, Any], todo: Sequence[tuple[str, str, Any]], steps: Mapping[str, int]) -> Any:
    """``todo``: name of the result, function, values (``None`` for ``size``)."""
    import pyarrow as pa
    import pyarrow.compute as pc

    exact = {
        index: values
        for index, (_, function, values) in enumerate(todo)
        if function == "sum" and is_summed_exactly(values)
    }
    if not exact and (dense := densely_grouped(groups, todo, steps)) is not None:
        return dense
    columns = {f"g{index}": column for index, column in enumerate(groups.values())}
    calls: list[Any] = []
    chosen: dict[int, Any] = {}
    for index, (_, function, values) in enumerate(todo):
        if function == "size":
            calls.append(([], "count_all"))
        elif index in exact:
            # May be more than the type holds: the call keeps the place, the sums are taken apart from it.
            calls.append(([], "count_all"))
        elif function in _PLACES and not _is_placed(values.type):
            columns[f"v{index}"] = pc.if_else(values.is_valid(), _rows(values), None)
            calls.append((f"v{index}", _PLACES[function], None))
            chosen[index] = values
        else:
            columns[f"v{index}"] = _as_summed(values) if function == "sum" else values
            options = pc.CountOptions(mode="only_valid") if function == "count" else None
            calls.append((f"v{index}", "sum" if function == "float_sum" else function, options))
    if exact:
        columns["row"] = _rows(next(iter(groups.values())))
        calls.append(("row", "list", None))
    names = [name for name in columns if name.startswith("g")]
    # In order of rows: "first" and "last" say so.
    table = pa.Table.from_pydict(columns).group_by(names, use_threads=False).aggregate(calls)
    arrays = [_whole(column) for column in table.columns]
    keys, values = arrays[: len(names)], arrays[len(names) :]
    for index, given in exact.items():
        values[index] = sums(given, values[-1], todo[index][0])
    for index, given in chosen.items():
        values[index] = taken(pa.RecordBatch.from_arrays([given], ["value"]), values[index]).column(0)
    return pa.RecordBatch.from_arrays([*keys, *values[: len(todo)]], [*groups, *(name for name, _, _ in todo)])


def _rows(values: Any) -> Any:
    import numpy as np
    import pyarrow as pa

    return pa.array(np.arange(len(values)))


def _is_placed(kind: Any) -> bool:
    """Whether Arrow itself finds the first and the last of such values; of others the first and last row are found."""
    import pyarrow as pa

    types = pa.types
    if types.is_temporal(kind):
        return not (types.is_duration(kind) or types.is_interval(kind))
    is_number = types.is_boolean(kind) or types.is_integer(kind) or types.is_floating(kind)
    return is_number or types.is_fixed_size_binary(kind) or kind in _texts()


def _texts() -> tuple[Any, ...]:
    import pyarrow as pa

    return pa.string(), pa.large_string(), pa.binary(), pa.large_binary()


def _whole(column: Any) -> Any:
    import pyarrow as pa

    if column.num_chunks == 1:
        return column.chunk(0)
    return pa.nulls(0, column.type) if column.num_chunks == 0 else pa.concat_arrays(column.chunks)


def _as_float(values: Any) -> Any:
    import pyarrow as pa

    whole = values.cast(pa.int8()) if pa.types.is_boolean(values.type) else values
    # A mean is a float, and of numbers that floats do not hold it is near.
    return whole.cast(pa.float64(), safe=False)


def _as_summed(values: Any) -> Any:
    """``values`` of the type of their sum."""
    import pyarrow as pa

    kind = values.type
    if pa.types.is_boolean(kind) or pa.types.is_null(kind):
        return values.cast(pa.int64())
    if pa.types.is_signed_integer(kind):
        return values.cast(pa.int64())
    if pa.types.is_unsigned_integer(kind):
        return values.cast(pa.uint64())
    if pa.types.is_decimal(kind):
        return values.cast(pa.decimal128(38, kind.scale)) if kind.bit_width <= 128 else values
    return values.cast(pa.float64())


def _lifted(function: str, values: Any, rows: int) -> Any:
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    if function == "size":
        return pa.array(np.ones(rows, np.int64))
    if function == "count":
        return pc.is_valid(values).cast(pa.int64())
    if function == "sum":
        return _as_summed(values)
    return values
