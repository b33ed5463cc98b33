"""A source of the JSON values in files that hold one per line."""

import json
from collections.abc import Iterable, Sequence
from typing import Any

from sage_local.connectors.files import PathPattern, shortened
from sage_local.connectors.text import TextPosition, TextReader, TextSource, TextSplit
from sage_local.errors import SourceError
from sage_local.functions.source import SourceFunction, SplitReader


class JsonLinesSource(SourceFunction[Any]):
    """Emits the value of each line of the files that ``paths`` (a path, a glob or a list of them) names.

    Files are UTF-8 and read in parallel, as by ``TextSource``. Blank lines are passed over. A line that is not one JSON
    value is an error naming file and line.
    """

    def __init__(self, paths: PathPattern | Iterable[PathPattern]) -> None:
        self._text = TextSource(paths)

    def splits(self) -> Sequence[TextSplit]:
        """The pieces of every file, in order. Raises ``SourceError`` for files that can not be read."""
        return self._text.splits()

    def open_split(self, split: TextSplit, position: TextPosition | None = None) -> "JsonLinesReader":
        """Opens the file."""
        return JsonLinesReader(self._text.open_split(split, position))


class JsonLinesReader(SplitReader[Any]):
    """Parses what a ``TextReader`` polls."""

    def __init__(self, lines: TextReader) -> None:
        self._lines = lines
        self._parse = json.JSONDecoder().decode  # json.loads asks about its options at every call

    def poll(self, max_records: int, /) -> list[Any] | None:
        """The values of the next lines; empty when all of them were blank."""
        lines = self._lines.poll(max_records)
        if lines is None:
            return None
        parse = self._parse
        try:
            return [parse(line) for line in lines if line and not line.isspace()]
        except (ValueError, RecursionError) as error:
            raise self._malformed(lines, error) from error

    def snapshot(self) -> TextPosition:
        """Where the next line stands."""
        return self._lines.snapshot()

    def close(self) -> None:
        """Closes the file."""
        self._lines.close()

    def _malformed(self, lines: list[str], error: ValueError | RecursionError) -> SourceError:
        """With the place of the line that ``error`` is of: the first that can not be parsed."""
        index = next(index for index, line in enumerate(lines) if not self._is_parsed(line))
        reason = f"{error.msg} at column {error.colno}" if isinstance(error, json.JSONDecodeError) else str(error)
        return SourceError(f"{self._lines.where(index)}: not a JSON value: {reason}: {shortened(lines[index])}")

    def _is_parsed(self, line: str) -> bool:
        try:
            if line and not line.isspace():
                self._parse(line)
        except (ValueError, RecursionError):
            return False
        return True
