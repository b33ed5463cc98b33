"""A source of the row groups of Parquet files, as columns."""

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, ClassVar, Final, NamedTuple

from sage_local.connectors.files import PathPattern, find_files, named
from sage_local.errors import SourceError
from sage_local.functions.expressions import filtered, referenced
from sage_local.functions.pushed import PushedFailed, PushedFilter
from sage_local.functions.schemas import conformed, same_names, unified
from sage_local.functions.source import SourceFunction

BATCH_ROWS: Final = 128 * 1024
"""Few enough for the second-level cache's share of a few columns, enough to spread a call of Arrow thin."""
_PIECE_BYTES: Final = 32 << 20
"""Of a file that is read in parallel, at least; smaller ones keep their order."""


@dataclass(frozen=True, slots=True)
class ParquetSplit:
    """A run of row groups of one file. ``size`` is that of their data."""

    path: str
    row_groups: tuple[int, ...]
    size: int


class ParquetPosition(NamedTuple):
    """How many row groups are read, and how many batches of the one at hand."""

    row_groups: int
    batches: int


class ParquetSource(SourceFunction[Any]):
    """Emits the records of the files that ``paths`` names, ``batch_rows`` at a time.

    ``columns`` and ``filters`` are what a plan pushes into the scan: only those columns are read, only records that
    pass one filter after the other leave, and row groups that the file's statistics rule out are not looked at. The
    schemas of all files are widened to one; where that can not be, ``SourceError`` names two files and their schemas.
    """

    columnar: ClassVar[bool] = True

    def __init__(
        self,
        paths: PathPattern | Iterable[PathPattern],
        *,
        batch_rows: int = BATCH_ROWS,
        columns: tuple[str, ...] | None = None,
        filters: tuple[PushedFilter, ...] = (),
    ) -> None:
        if not isinstance(batch_rows, int) or batch_rows < 1:
            raise SourceError(f"batch_rows: expected a whole number of at least 1, found {batch_rows!r}")
        self._paths = named(paths)
        self._batch_rows = batch_rows
        self._columns = columns
        self._filters = filters
        self._whole: Any = None

    @property
    def schema(self) -> Any:
        """What it emits."""
        return _of(self._schema_of_files(), self._columns)

    @property
    def note(self) -> str:
        """For ``explain``."""
        pushed = [] if self._columns is None else [f"reads only {', '.join(self._columns) or 'no columns'}"]
        return "; ".join([*pushed, *(f"filter {each.expression} in the scan" for each in self._filters)])

    def reading(self, columns: Sequence[str]) -> "ParquetSource":
        """The same source that emits only ``columns``."""
        return self._with(tuple(columns), self._filters)

    def filtering(self, filter: PushedFilter) -> "ParquetSource":  # noqa: A002  # the word of pyarrow
        """The same source that emits only records for which ``filter`` is true too."""
        # One after the other, not joined: a later one may be defined only where an earlier one is true.
        return self._with(self._columns, (*self._filters, filter))

    def _with(self, columns: tuple[str, ...] | None, filters: tuple[PushedFilter, ...]) -> "ParquetSource":
        source = ParquetSource(self._paths, batch_rows=self._batch_rows, columns=columns, filters=filters)
        source._whole = self._whole
        return source

    def splits(self) -> Sequence[ParquetSplit]:
        """Runs of row groups. Raises ``SourceError`` for files that can not be read as Parquet."""
        schema = self._schema_of_files()
        return [split for path in find_files(self._paths) for split in self._pieces(path, schema)]

    def open_split(self, split: ParquetSplit, position: ParquetPosition | None = None) -> "ParquetReader":
        """Opens the file."""
        schema = self._schema_of_files()
        return ParquetReader(
            split, position or ParquetPosition(0, 0), schema, self._columns, self._filters, self._batch_rows
        )

    def _pieces(self, path: str, schema: Any) -> Iterator[ParquetSplit]:
        groups = self._row_groups(path, schema)
        size = sum(group.total_byte_size for group in groups)
        pieces = max(1, min(len(groups), size // _PIECE_BYTES, len(os.sched_getaffinity(0))))
        for piece in range(pieces):
            run = groups[piece * len(groups) // pieces : (piece + 1) * len(groups) // pieces]
            yield ParquetSplit(path, tuple(group.id for group in run), sum(group.total_byte_size for group in run))

    def _row_groups(self, path: str, schema: Any) -> list[Any]:
        from pyarrow.dataset import ParquetFileFormat
        from pyarrow.fs import LocalFileSystem

        with _told_of(path):
            fragment = ParquetFileFormat().make_fragment(path, LocalFileSystem())
            for each in self._filters:
                fragment = fragment.subset(filter=each.expression, schema=schema)
            return list(fragment.row_groups)

    def _schema_of_files(self) -> Any:
        if self._whole is None:
            paths = find_files(self._paths)
            schema, first = _schema(paths[0]), paths[0]
            for path in paths[1:]:
                schema = widened(schema, first, _schema(path), path)
            self._whole = schema
        return self._whole


class ParquetReader:
    """Reads the row groups of one split, in order."""

    def __init__(
        self,
        split: ParquetSplit,
        position: ParquetPosition,
        schema: Any,
        columns: tuple[str, ...] | None,
        filters: Sequence[PushedFilter],
        batch_rows: int,
    ) -> None:
        from pyarrow.parquet import ParquetFile

        self._split = split
        self._filters = filters
        self._batch_rows = batch_rows
        self._file = ParquetFile(split.path, memory_map=True)
        needed = list(schema.names) if columns is None else list(columns)
        for each in filters:
            needed += [name for name in referenced(each.expression, schema) if name not in needed]
        self._emitted = _of(schema, columns)
        self._read_schema = _of(schema, needed)
        present = set(self._file.schema_arrow.names)
        self._names = [name for name in needed if name in present]
        self._row_group = position.row_groups
        self._batches = 0
        self._skip = position.batches
        self._at_hand: Iterator[Any] | None = None

    def poll(self, max_records: int, /) -> Any:
        """The next batch, whose length is the source's own; ``None`` at the end."""
        while (batch := self._next()) is not None:
            if self._skip:
                self._skip -= 1
                continue
            batch = self._filtered(conformed(batch, self._read_schema))
            if len(batch):
                return batch if self._emitted.names == batch.schema.names else batch.select(self._emitted.names)
        return None

    def snapshot(self) -> ParquetPosition:
        """Behind the latest batch."""
        return ParquetPosition(self._row_group, self._batches)

    def close(self) -> None:
        """Closes the file."""
        self._file.close()

    def _filtered(self, batch: Any) -> Any:
        for each in self._filters:
            try:
                batch = filtered(batch, each.expression)
            except (KeyError, TypeError, ValueError) as error:
                raise PushedFailed(each.operator, error) from error
        return batch

    def _next(self) -> Any:
        import pyarrow as pa

        while self._row_group < len(self._split.row_groups):
            try:
                if self._at_hand is None:
                    self._at_hand = self._open(self._split.row_groups[self._row_group])
                batch = next(self._at_hand, None)
            except (pa.ArrowException, OSError) as error:
                raise SourceError(
                    f"can not read row group {self._split.row_groups[self._row_group]} of {self._split.path}: {error}"
                ) from error
            if batch is not None:
                self._batches += 1
                return batch
            self._at_hand = None
            self._row_group += 1
            self._batches = self._skip = 0
        return None

    def _open(self, row_group: int) -> Iterator[Any]:
        batches: Iterator[Any] = self._file.iter_batches(
            self._batch_rows, row_groups=[row_group], columns=self._names, use_threads=False
        )
        return batches


def refuse_twice(schema: Any, where: str) -> Any:
    """``schema``, unless two of its columns have one name: then ``SourceError``."""
    if twice := same_names(schema):
        raise SourceError(f"{where}: expected columns of different names, found more than one {', '.join(twice)}")
    return schema


def _schema(path: str) -> Any:
    from pyarrow import parquet

    with _told_of(path):
        schema = parquet.read_schema(path)
    return refuse_twice(schema.remove_metadata(), path)


@contextmanager
def _told_of(path: str) -> Iterator[None]:
    import pyarrow as pa

    try:
        yield
    except (pa.ArrowException, OSError) as error:
        raise SourceError(f"can not read {path} as Parquet: {error}") from error


def widened(schema: Any, first: str, found: Any, path: str) -> Any:
    """``schema`` of ``first``, so that ``found`` of ``path`` fits too; ``SourceError`` with both if that can not be."""
    try:
        return unified([schema, found], names=[first, path])
    except ValueError as error:
        raise SourceError(f"the schemas of {first} and {path} do not fit each other: {error}") from error


def _of(schema: Any, columns: Iterable[str] | None) -> Any:
    import pyarrow as pa

    return schema if columns is None else pa.schema([schema.field(name) for name in columns])
