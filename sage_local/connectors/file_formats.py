"""How records become the bytes of one file."""

import csv
import io
import json
import os
from typing import Any, ClassVar, Final, Protocol

from sage_local.functions.record_schemas import dictionaries

PARQUET_GROUP_ROWS: Final = 64 * 1024
"""Of a row group: enough for compression and statistics to pay, little enough to hold in memory."""
_BUFFER_BYTES = 256 * 1024


class FileWriter(Protocol):
    """Writes one file. Made with its path, and the length to continue at or ``None`` for a new file."""

    suffix: ClassVar[str]
    can_continue: ClassVar[bool]
    """Whether a file cut to a length it once had after ``sync`` is well-formed and can be written on."""

    @property
    def size(self) -> int:
        """Bytes so far."""

    def write(self, record: Any, /) -> None:
        """Append one record."""

    def write_batch(self, batch: Any, /) -> None:
        """Append the records of a ``pyarrow.RecordBatch``."""

    def sync(self) -> None:
        """Make what was written durable."""

    def finish(self) -> None:
        """Complete the file, make it durable, close it."""

    def abandon(self) -> None:
        """Close without another word."""


class _Lines:
    """A file of text."""

    suffix: ClassVar[str] = ".txt"
    can_continue: ClassVar[bool] = True

    def __init__(self, path: str, size: int | None) -> None:
        self._file = open(path, "wb" if size is None else "r+b", buffering=_BUFFER_BYTES)  # noqa: SIM115  # see finish
        if size is not None:
            self._file.truncate(size)
            self._file.seek(size)
        self.size = size or 0

    def write(self, record: Any) -> None:
        """One line for each record."""
        self._append(self._line(record))

    def write_batch(self, batch: Any) -> None:
        """One line for each record, a dictionary."""
        for record in dictionaries(batch):
            self.write(record)

    def _line(self, record: Any) -> str:
        return f"{record}\n"

    def _append(self, text: str) -> None:
        self._take(text.encode())

    def _take(self, content: Any) -> None:
        # A file system that is full shows here or at the next flush; what is counted is what was taken.
        try:
            self.size += self._file.write(content)
        except OSError as error:
            raise _located(error, self._file.name) from error

    def sync(self) -> None:
        """Flush and fsync."""
        try:
            self._file.flush()
            os.fsync(self._file.fileno())
        except OSError as error:
            raise _located(error, self._file.name) from error

    def finish(self) -> None:
        """As ``sync``, and close."""
        self.sync()
        self._file.close()

    def abandon(self) -> None:
        """What is buffered is of no use to anyone: past the last ``sync`` the file will be cut or removed."""
        self._file.close()


def _located(error: OSError, path: str) -> OSError:
    """``error`` with the file in it: the system names none when it can not write."""
    return OSError(error.errno, error.strerror, path)


class TextWriter(_Lines):
    """``str(record)`` on a line of its own."""


class JsonLinesWriter(_Lines):
    """A JSON value on each line."""

    suffix: ClassVar[str] = ".jsonl"

    def _line(self, record: Any) -> str:
        return json.dumps(record, ensure_ascii=False, separators=(",", ":")) + "\n"


class CsvWriter(_Lines):
    """Dictionaries as rows; the first one names the columns, and a record with any others is an error."""

    suffix: ClassVar[str] = ".csv"

    def __init__(self, path: str, size: int | None) -> None:
        super().__init__(path, size)
        self._columns: list[str] | None = _header(path) if size else None

    def write(self, record: Any) -> None:
        """The header first."""
        _check_row(record, "CSV", self._columns)
        if self._columns is None:
            self._columns = list(record)
            self._append(_row(self._columns))
        self._append(_row([record[column] for column in self._columns]))

    def write_batch(self, batch: Any) -> None:
        """The header first. Nulls are empty cells."""
        import pyarrow as pa
        from pyarrow import csv as arrow_csv

        if self._columns is None:
            self._columns = list(batch.schema.names)
            self._append(_row(self._columns))
        if batch.schema.names != self._columns:
            raise ValueError(f"expected the columns {self._columns} of the file's first batch, found {batch.schema}")
        sink = pa.BufferOutputStream()
        options = arrow_csv.WriteOptions(include_header=False, quoting_style="needed")
        try:
            arrow_csv.write_csv(batch, sink, options)
        except pa.ArrowInvalid as error:
            columns = [repr(field.name) for field in batch.schema if str(error).endswith(f":{field.type}")]
            raise ValueError(f"CSV has no cells for column {', '.join(columns)}: {error}") from error
        self._take(sink.getvalue())


def _check_row(record: Any, kind: str, columns: list[str] | None) -> None:
    """Raises for what is no row of a file with ``columns``: a value that has no column there would be lost."""
    if not isinstance(record, dict):
        raise TypeError(f"{kind} takes records that are dictionaries, found {type(record).__name__}")
    if columns is not None and record.keys() != set(columns):
        raise ValueError(f"expected the columns {columns} of the file's first record, found {list(record)}")


def _row(cells: list[Any]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(cells)
    return text.getvalue()


def _header(path: str) -> list[str]:
    with open(path, newline="", encoding="utf-8") as file:
        return next(csv.reader(file))


def _refuse_new_fields(rows: list[Any], schema: Any) -> None:
    """Converting ``rows`` would leave out fields of dictionaries in them that ``schema`` does not have."""
    import pyarrow as pa

    found = pa.Table.from_pylist(rows).schema
    if not pa.unify_schemas([schema, found], promote_options="permissive").equals(schema):
        raise ValueError(f"expected the columns of the file's first row group:\n{schema}\nfound:\n{found}")


class ParquetWriter:
    """Dictionaries as rows; the schema is that of the first row group, the columns are those of the first record."""

    suffix: ClassVar[str] = ".parquet"
    can_continue: ClassVar[bool] = False

    def __init__(self, path: str, size: int | None) -> None:
        self._path = path
        self._columns: list[str] | None = None
        self._rows: list[Any] = []
        self._batches: list[Any] = []
        self._batched = 0
        self._writer: Any = None

    @property
    def size(self) -> int:
        """Of the row groups written; the one at hand is still in memory."""
        return os.stat(self._path).st_size if self._writer is not None else 0

    def write(self, record: Any) -> None:
        """Keep it for the row group at hand."""
        _check_row(record, "Parquet", self._columns)
        if self._columns is None:
            self._columns = list(record)
        self._rows.append(record)
        if len(self._rows) >= PARQUET_GROUP_ROWS:
            self._write_group()

    def write_batch(self, batch: Any) -> None:
        """Keep it for the row group at hand."""
        schema = self._batches[0].schema if self._batches else None if self._writer is None else self._writer.schema
        if schema is not None and not batch.schema.equals(schema):
            raise ValueError(f"expected the columns of the file's first batch:\n{schema}\nfound:\n{batch.schema}")
        self._batches.append(batch)
        self._batched += len(batch)
        if self._batched >= PARQUET_GROUP_ROWS:
            self._write_batches()

    def _write_batches(self) -> None:
        import pyarrow as pa
        from pyarrow import parquet

        if not self._batches:
            return
        if self._writer is None:
            self._writer = parquet.ParquetWriter(self._path, self._batches[0].schema)
        self._writer.write_table(pa.Table.from_batches(self._batches))
        self._batches, self._batched = [], 0

    def sync(self) -> None:
        """Never asked for: the file can not be continued."""
        raise NotImplementedError("a Parquet file is finished at every checkpoint")

    def finish(self) -> None:
        """The last row group and the footer."""
        try:
            self._write_rest()
        except OSError as error:
            # A row group that is half written can not be taken back, so trying again would not do: the job has to.
            raise RuntimeError(f"{self._path} could not be finished: {error}") from error

    def _write_rest(self) -> None:
        self._write_batches()
        if self._rows or self._writer is None:
            self._write_group()
        self._writer.close()
        with open(self._path, "rb") as file:
            os.fsync(file.fileno())

    def abandon(self) -> None:
        """Without a footer, so nobody takes it for whole."""
        self._rows.clear()
        self._batches.clear()
        if self._writer is not None:
            self._writer.close()

    def _write_group(self) -> None:
        import pyarrow as pa
        from pyarrow import parquet

        schema = None if self._writer is None else self._writer.schema
        if schema is not None and any(pa.types.is_nested(kind) for kind in schema.types):
            _refuse_new_fields(self._rows, schema)
        table = pa.Table.from_pylist(self._rows, schema=schema)
        if self._writer is None:
            self._writer = parquet.ParquetWriter(self._path, table.schema)
        self._writer.write_table(table)
        self._rows.clear()


FORMATS: Final[dict[str, type[TextWriter | JsonLinesWriter | CsvWriter | ParquetWriter]]] = {
    "text": TextWriter,
    "json": JsonLinesWriter,
    "csv": CsvWriter,
    "parquet": ParquetWriter,
}
