"""Sources of CSV and JSON-lines files as columns."""

import os
import re
from abc import abstractmethod
from collections.abc import Iterable, Sequence
from typing import Any, ClassVar

from sage_local.connectors.csv import CsvSplit
from sage_local.connectors.files import PathPattern, find_files, named
from sage_local.connectors.parquet import refuse_twice, widened
from sage_local.errors import SourceError
from sage_local.functions.schemas import conformed, shown
from sage_local.functions.source import SourceFunction

BLOCK_BYTES = 4 << 20
"""Parsed at once: some tens of thousands of records."""


class _TextColumns(SourceFunction[Any]):
    """What both share: a split is a file, a position the number of batches read.

    Without ``schema``, types are those that the first block of each file is seen to have, widened to fit all files.
    """

    columnar: ClassVar[bool] = True

    def __init__(self, paths: PathPattern | Iterable[PathPattern], schema: Any = None) -> None:
        self._paths = named(paths)
        self._given = self._schema = schema

    @property
    def schema(self) -> Any:
        """What it emits."""
        if self._schema is None:
            first, *others = find_files(self._paths)
            schema = self._found(first)
            for path in others:
                schema = widened(schema, first, self._found(path), path)
            self._schema = schema
        return self._schema

    def splits(self) -> Sequence[CsvSplit]:
        """The files, in order. Raises ``SourceError`` for files that can not be read."""
        _ = self.schema
        return [CsvSplit(path, os.stat(path).st_size) for path in find_files(self._paths)]

    def open_split(self, split: CsvSplit, position: int | None = None) -> "TextColumnsReader":
        """Opens the file."""
        return TextColumnsReader(split.path, self._opened(split.path), position or 0, self.schema)

    def _opened(self, path: str) -> Any:
        import pyarrow as pa

        try:
            return self._reader(path)
        except (pa.ArrowException, OSError) as error:
            raise SourceError(f"can not read {path}: {error}") from error

    def _found(self, path: str) -> Any:
        with self._opened(path) as reader:
            return refuse_twice(reader.schema, path)

    @abstractmethod
    def _reader(self, path: str) -> Any:
        """A streaming reader of pyarrow; of the schema, where it is known."""


class CsvColumnsSource(_TextColumns):
    """Emits the records of CSV files as columns; the first row of each file names its columns."""

    def __init__(self, paths: PathPattern | Iterable[PathPattern], schema: Any = None, *, delimiter: str = ",") -> None:
        super().__init__(paths, schema)
        self._delimiter = delimiter

    def _reader(self, path: str) -> Any:
        from pyarrow import csv

        types = None if self._schema is None else {field.name: field.type for field in self._schema}
        return csv.open_csv(
            path,
            read_options=csv.ReadOptions(use_threads=False, block_size=BLOCK_BYTES),
            parse_options=csv.ParseOptions(delimiter=self._delimiter, newlines_in_values=True),
            convert_options=csv.ConvertOptions(
                column_types=types, strings_can_be_null=True, quoted_strings_can_be_null=False
            ),
        )


class JsonColumnsSource(_TextColumns):
    """Emits the objects in JSON-lines files as columns."""

    def _reader(self, path: str) -> Any:
        from pyarrow import json

        return json.open_json(
            path,
            read_options=json.ReadOptions(use_threads=False, block_size=BLOCK_BYTES),
            parse_options=json.ParseOptions(explicit_schema=self._schema, newlines_in_values=False),
        )


class TextColumnsReader:
    """Reads one file."""

    def __init__(self, path: str, reader: Any, position: int, schema: Any) -> None:
        self._path = path
        self._reader = reader
        self._schema = schema
        self._position = 0
        for _ in range(position):
            self._next()

    def poll(self, max_records: int, /) -> Any:
        """The next batch."""
        while (batch := self._next()) is not None:
            if len(batch):
                return conformed(batch, self._schema)
        return None

    def snapshot(self) -> int:
        """The number of batches read."""
        return self._position

    def close(self) -> None:
        """Closes the file."""
        self._reader.close()

    def _next(self) -> Any:
        import pyarrow as pa

        try:
            batch = next(self._reader, None)
        except pa.ArrowException as error:
            names = self._reader.schema.names
            text = re.sub(r"CSV column #(\d+)", lambda found: f"column {names[int(found[1])]!r}", str(error))
            raise SourceError(
                f"{self._path}: {text}; the columns are taken to be {shown(self._schema)}: give schema= for others"
            ) from error
        self._position += batch is not None
        return batch
