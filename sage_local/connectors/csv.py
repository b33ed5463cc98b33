"""A source of the rows of CSV files as dictionaries."""

import csv
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from sage_local.connectors.files import PathPattern, count_lines, find_files, named, shortened
from sage_local.errors import SourceError
from sage_local.functions.source import SourceFunction, SplitReader

# Spreadsheets write a byte order mark, which would become part of the first column's name.
_ENCODING = "utf-8-sig"


@dataclass(frozen=True, slots=True)
class CsvSplit:
    """One file. A quoted field may hold line ends, so that only reading from the start tells where a row begins."""

    path: str
    size: int


class CsvPosition(NamedTuple):
    """Behind a row: the text file's own position, and the number of lines before it."""

    cookie: int
    lines: int


class CsvSource(SourceFunction[dict[str, str]]):
    """Emits each row of the files that ``paths`` (a path, a glob or a list of them) names, as ``{column: text}``.

    The first row of each file names its columns. Files are UTF-8; several are read in parallel. Blank lines are passed
    over. A row with more or fewer fields than its header is an error naming file and line.
    """

    def __init__(self, paths: PathPattern | Iterable[PathPattern], *, delimiter: str = ",") -> None:
        if not isinstance(delimiter, str) or len(delimiter) != 1:
            raise SourceError(f"expected a delimiter of one character, found {delimiter!r}")
        self._paths = named(paths)
        self._delimiter = delimiter

    def splits(self) -> Sequence[CsvSplit]:
        """The files, in order. Raises ``SourceError`` for files that can not be read."""
        return [CsvSplit(path, os.stat(path).st_size) for path in find_files(self._paths)]

    def open_split(self, split: CsvSplit, position: CsvPosition | None = None) -> "CsvReader":
        """Opens the file and reads its header."""
        return CsvReader(split, position, delimiter=self._delimiter)


class CsvReader(SplitReader[dict[str, str]]):
    """Reads one file, row by row."""

    def __init__(self, split: CsvSplit, position: CsvPosition | None, *, delimiter: str) -> None:
        self._split = split
        self._file = open(split.path, encoding=_ENCODING, newline="")  # noqa: SIM115  # closed by close()
        # Not the file itself: while a text file is iterated over, it can not tell its position.
        self._rows = csv.reader(iter(self._file.readline, ""), delimiter=delimiter, strict=True)
        self._delimiter = delimiter
        self._lines_before = 0
        self._row_line = 1
        try:
            self._columns = self._read_header()
        except BaseException:
            self._file.close()
            raise
        if position is not None:
            self._lines_before = position.lines - self._rows.line_num
            self._file.seek(position.cookie)

    def poll(self, max_records: int, /) -> list[dict[str, str]] | None:
        """The next rows."""
        columns = self._columns
        width = len(columns)
        polled: list[dict[str, str]] = []
        while len(polled) < max_records:
            row = self._next_row()
            if row is None:
                self._check_whole()
                return polled or None
            if len(row) == width:
                polled.append(dict(zip(columns, row, strict=True)))
            elif row:
                found = shortened(self._delimiter.join(row))
                raise self._malformed(f"expected {width} fields ({', '.join(columns)}), found {len(row)}: {found}")
        return polled

    def snapshot(self) -> CsvPosition:
        """Behind the last polled row."""
        return CsvPosition(self._file.tell(), self._lines_before + self._rows.line_num)

    def close(self) -> None:
        """Closes the file."""
        self._file.close()

    def _read_header(self) -> list[str]:
        columns = self._next_row()
        if not columns:
            raise self._malformed("expected a first row with the names of the columns, found none")
        twice = sorted({name for name in columns if columns.count(name) > 1})
        if twice:
            raise self._malformed(f"expected columns of different names, found more than one {', '.join(twice)}")
        return columns

    def _next_row(self) -> list[str] | None:
        self._row_line = self._lines_before + self._rows.line_num + 1
        try:
            return next(self._rows, None)
        except UnicodeDecodeError as error:
            self._row_line = _first_undecodable_line(self._split.path)
            raise self._malformed(f"not valid UTF-8 ({error.reason})") from error
        except csv.Error as error:
            raise self._malformed(str(error)) from error

    def _check_whole(self) -> None:
        found = os.fstat(self._file.fileno()).st_size
        if found < self._split.size:
            raise SourceError(
                f"{self._split.path} was truncated while it was read: expected {self._split.size} bytes, found {found}"
            )

    def _malformed(self, reason: str) -> SourceError:
        return SourceError(f"{self._split.path}:{self._row_line}: {reason}")


def _first_undecodable_line(path: str) -> int:
    offset = 0
    with open(path, "rb") as file:
        for line in file:
            try:
                line.decode()
            except UnicodeDecodeError as error:
                offset += error.start
                break
            offset += len(line)
    return count_lines(path, offset) + 1
