"""A source of Arrow data that the program already has: batches, tables, datasets, and what converts to them."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, ClassVar

from sage_local.connectors.parquet import BATCH_ROWS, refuse_twice
from sage_local.errors import SourceError
from sage_local.functions.expressions import empty_batch, filtered, selected
from sage_local.functions.pushed import PushedFailed, PushedFilter
from sage_local.functions.schemas import conformed, unified
from sage_local.functions.source import SourceFunction


@dataclass(frozen=True, slots=True)
class BatchesSplit:
    """All of them; ``size`` is the number of records."""

    size: int


class ArrowSource(SourceFunction[Any]):
    """Emits ``data`` in order, at parallelism 1; the fragments of a dataset in parallel.

    A record batch, a table, an iterable of batches, a ``RecordBatchReader``, a ``pyarrow.dataset.Dataset``, or anything
    that has the Arrow PyCapsule interface. All but datasets are read when the stream is declared, once.
    """

    columnar: ClassVar[bool] = True

    def __init__(self, data: Any, *, batch_rows: int = BATCH_ROWS) -> None:
        self._schema, batches = _read(data)
        refuse_twice(self._schema, "from_arrow()")
        self._batches = [piece for batch in batches for piece in pieces(batch, batch_rows) if len(piece)]

    def __getstate__(self) -> dict[str, Any]:
        # pyarrow pickles a slice with all that it is a slice of; in the IPC format it has only what it shows.
        return {"schema": self._schema, "streams": [_stream(batch) for batch in self._batches]}

    def __setstate__(self, state: dict[str, Any]) -> None:
        import pyarrow as pa

        self._schema = state["schema"]
        self._batches = [pa.ipc.open_stream(stream).read_next_batch() for stream in state["streams"]]

    @property
    def schema(self) -> Any:
        """What it emits."""
        return self._schema

    def splits(self) -> Sequence[Any]:
        """One split."""
        return (BatchesSplit(sum(map(len, self._batches))),)

    def open_split(self, split: Any, position: int | None = None) -> "BatchesReader":
        """``position`` is the number of batches already read."""
        return BatchesReader(iter(self._batches), position or 0, self._schema)


class DatasetSource(SourceFunction[Any]):
    """Emits the fragments of a ``pyarrow.dataset.Dataset``; see ``ParquetSource`` for ``filter``.

    ``columns`` are names, each with the expression that computes the column, or ``None`` for a column of the dataset;
    ``computed_by`` is what the program calls the operator that computed them.
    """

    columnar: ClassVar[bool] = True

    def __init__(
        self,
        dataset: Any,
        *,
        batch_rows: int = BATCH_ROWS,
        columns: tuple[tuple[str, Any], ...] | None = None,
        computed_by: str = "",
        filter: PushedFilter | None = None,  # noqa: A002  # the word of pyarrow
    ) -> None:
        self._dataset = dataset
        self._batch_rows = batch_rows
        self._columns = columns
        self._computed_by = computed_by
        self._filter = filter
        refuse_twice(dataset.schema, "from_arrow()")

    @property
    def schema(self) -> Any:
        """What it emits."""
        if self._columns is None:
            return self._dataset.schema
        return selected(empty_batch(self._dataset.schema), self._columns, keeps_others=False).schema

    @property
    def note(self) -> str:
        """For ``explain``."""
        done = [] if self._columns is None else [_told(self._columns)]
        return "; ".join(done if self._filter is None else [*done, f"filter {self._filter.expression} in the scan"])

    def reading(self, columns: Sequence[str]) -> "DatasetSource":
        """See ``ParquetSource``."""
        expressions = dict(self._columns or ())
        kept = tuple((name, expressions.get(name)) for name in columns)
        return self._with(columns=kept, computed_by=self._computed_by, filter=self._filter)

    def filtering(self, filter: PushedFilter) -> "DatasetSource | None":  # noqa: A002  # as above
        """See ``ParquetSource``. ``None``: a scan has one filter, and all its parts are computed of all records."""
        if self._filter is not None:
            return None
        return self._with(columns=self._columns, computed_by=self._computed_by, filter=filter)

    def computing(self, columns: Sequence[tuple[str, Any]], operator: str) -> "DatasetSource":
        """The same source that emits ``columns``, whose expressions are of what this one emits: columns as they are."""
        return self._with(columns=tuple(columns), computed_by=operator, filter=self._filter)

    def _with(self, **what: Any) -> "DatasetSource":
        return DatasetSource(self._dataset, batch_rows=self._batch_rows, **what)

    def splits(self) -> Sequence[Any]:
        """The fragments that the filter does not rule out."""
        return list(self._dataset.get_fragments(filter=None if self._filter is None else self._filter.expression))

    def open_split(self, split: Any, position: int | None = None) -> "BatchesReader":
        """``position`` is the number of batches already read."""
        return BatchesReader(self._scanned(split), position or 0, self.schema)

    def _scanned(self, fragment: Any) -> Iterator[Any]:
        import pyarrow as pa

        batches = self._batches(
            fragment,
            columns=None if self._columns is None else _projection(self._columns),
            filter=None if self._filter is None else self._filter.expression,
        )
        try:
            yield from (batch for batch in batches if len(batch))
        except pa.ArrowException as error:
            self._raise_of_step(fragment)
            raise SourceError(f"can not read {fragment.path or 'the dataset'}: {error}") from error

    def _batches(self, fragment: Any, **what: Any) -> Iterator[Any]:
        batches: Iterator[Any] = fragment.to_batches(
            schema=self._dataset.schema, batch_size=self._batch_rows, use_threads=False, **what
        )
        return batches

    def _raise_of_step(self, fragment: Any) -> None:
        """Take the steps of the scan, which does not say where it failed, one by one; return if it was in none."""
        import pyarrow as pa

        try:
            for batch in self._batches(fragment):
                self._take_steps(batch)
        except pa.ArrowException:
            return

    def _take_steps(self, batch: Any) -> None:
        operator = self._computed_by
        try:
            if self._filter is not None:
                operator = self._filter.operator
                batch = filtered(batch, self._filter.expression)
            if self._columns is not None:
                operator = self._computed_by
                selected(batch, self._columns, keeps_others=False)
        except (KeyError, TypeError, ValueError) as error:
            raise PushedFailed(operator, error) from error


def _projection(columns: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    import pyarrow.compute as pc

    return {name: pc.field(name) if expression is None else expression for name, expression in columns}


def _told(columns: Sequence[tuple[str, Any]]) -> str:
    if all(expression is None for _, expression in columns):
        return f"reads only {', '.join(name for name, _ in columns) or 'no columns'}"
    told = (name if expression is None else f"{name} = {expression}" for name, expression in columns)
    return f"computes {', '.join(told)} in the scan"


class BatchesReader:
    """Reads batches one by one."""

    def __init__(self, batches: Iterator[Any], position: int, schema: Any) -> None:
        self._batches = islice(batches, position, None)
        self._position = position
        self._schema = schema

    def poll(self, max_records: int, /) -> Any:
        """The next batch."""
        batch = next(self._batches, None)
        if batch is None:
            return None
        self._position += 1
        return conformed(batch, self._schema)

    def snapshot(self) -> int:
        """The number of batches read."""
        return self._position

    def close(self) -> None:
        """Nothing is held."""


def arrow_source(data: Any, *, batch_rows: int = BATCH_ROWS) -> ArrowSource | DatasetSource:
    """The source that reads ``data``."""
    from pyarrow.dataset import Dataset

    if isinstance(data, Dataset):
        return DatasetSource(data, batch_rows=batch_rows)
    return ArrowSource(data, batch_rows=batch_rows)


def _stream(batch: Any) -> Any:
    import pyarrow as pa

    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema) as stream:
        stream.write_batch(batch)
    return sink.getvalue()


def pieces(batch: Any, rows: int) -> Iterator[Any]:
    """``batch`` in slices of at most ``rows`` records."""
    return (batch.slice(start, rows) for start in range(0, len(batch), rows))


def _read(data: Any) -> tuple[Any, list[Any]]:
    import pyarrow as pa

    if isinstance(data, pa.RecordBatch):
        return data.schema, [data]
    if isinstance(data, pa.Table):
        return data.schema, data.to_batches()
    if isinstance(data, type):
        raise _no_table(f"the class {data.__name__} itself")
    try:
        if hasattr(data, "__arrow_c_stream__"):
            reader = pa.RecordBatchReader.from_stream(data)
            return reader.schema, list(reader)
        if hasattr(data, "__arrow_c_array__"):
            batch = pa.record_batch(data)
            return batch.schema, [batch]
    except pa.ArrowInvalid as error:
        # A single column has the interface too.
        if "non-struct" not in str(error):
            raise
        raise _no_table(type(data).__name__) from error
    if not isinstance(data, Iterable) or isinstance(data, str | bytes | dict):
        raise _no_table(type(data).__name__)
    return _joined(list(data))


def _no_table(found: str) -> SourceError:
    return SourceError(
        "from_arrow() takes a record batch, a table, an iterable of batches, a reader, a dataset or anything with"
        f" the Arrow PyCapsule interface; found {found}"
    )


def _joined(given: list[Any]) -> tuple[Any, list[Any]]:
    if not given:
        raise SourceError("from_arrow() takes at least one batch, whose schema is the stream's; found none")
    batches: list[Any] = []
    schemas: list[Any] = []
    for each in given:
        if not hasattr(each, "__arrow_c_stream__") and not hasattr(each, "__arrow_c_array__"):
            raise SourceError(f"from_arrow() takes batches, found a {type(each).__name__} among them")
        schema, parts = _read(each)
        schemas.append(schema)
        batches += parts
    try:
        return unified(schemas), batches
    except ValueError as error:
        raise SourceError(f"from_arrow(): the schemas of the batches do not fit each other: {error}") from error
