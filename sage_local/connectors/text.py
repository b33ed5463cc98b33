"""A source of the lines of text files, large files in several pieces at once."""

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from io import FileIO
from typing import NamedTuple

from sage_local.connectors.files import PathPattern, check_encoding, count_lines, find_files, named
from sage_local.errors import SourceError
from sage_local.functions.source import SourceFunction, SplitReader

PIECE_BYTES = 8 << 20
"""A larger file is read in pieces of at least this size: many ms of work, against which opening is nothing."""

_MAX_PIECES = 1024  # finding where a piece starts is one read; this bounds them for a file of any size
_PROBE_BYTES = 64 << 10
_BLOCK_BYTES = 128 << 10  # fits the second-level cache with its text and lines; 256 KiB were slower


@dataclass(frozen=True, slots=True)
class TextSplit:
    """Whole lines of a file: ``size`` bytes from ``start``, and for the ``last`` piece all that was appended since."""

    path: str
    start: int
    size: int
    last: bool

    @property
    def stop(self) -> int:
        """The first byte behind the piece, as the file was at submit."""
        return self.start + self.size


class TextPosition(NamedTuple):
    """``lines`` lines behind the line that starts at byte ``offset``."""

    offset: int
    lines: int


class TextSource(SourceFunction[str]):
    r"""Emits the lines of the files that ``paths`` (a path, a glob or a list of them) names, without their line ends.

    A line is what iterating over Python's ``open(path, encoding=encoding, errors=errors)`` gives, so ``\n``, ``\r\n``
    and ``\r`` end one. Files are read in parallel, in the order of their paths, each once. Bytes that are not valid in
    ``encoding`` are an error naming file and line, unless ``errors`` (as in ``open``) says otherwise. A file that has
    become shorter than it was at submit is an error.
    """

    def __init__(
        self, paths: PathPattern | Iterable[PathPattern], *, encoding: str = "utf-8", errors: str = "strict"
    ) -> None:
        self._paths = named(paths)
        self._encoding = check_encoding(encoding)
        self._errors = errors

    def splits(self) -> Sequence[TextSplit]:
        """The pieces of every file, in order. Raises ``SourceError`` for files that can not be read."""
        return [piece for path in find_files(self._paths) for piece in cut(path)]

    def open_split(self, split: TextSplit, position: TextPosition | None = None) -> "TextReader":
        """Opens the file."""
        return TextReader(split, position, encoding=self._encoding, errors=self._errors)


def cut(path: str, piece_bytes: int = PIECE_BYTES) -> list[TextSplit]:
    """The pieces of a file, each ending at a line's end; a line longer than a piece makes a longer piece."""
    size = os.stat(path).st_size
    piece_bytes = max(piece_bytes, size // _MAX_PIECES)
    if size <= piece_bytes:
        return [TextSplit(path, 0, size, last=True)]
    with open(path, "rb", buffering=0) as file:
        starts = [0]
        while (start := _line_start(file, starts[-1] + piece_bytes, size)) < size:
            starts.append(start)
    stops = [*starts[1:], size]
    return [
        TextSplit(path, start, stop - start, last=stop is stops[-1]) for start, stop in zip(starts, stops, strict=True)
    ]


def _line_start(file: FileIO, offset: int, size: int) -> int:
    """The first byte at or behind ``offset`` that starts a line; ``size`` when there is none."""
    offset -= 1  # a line end just before `offset` makes `offset` itself a start
    while offset < size and (block := os.pread(file.fileno(), _PROBE_BYTES, offset)):
        ends = [end for end in (block.find(b"\n"), block.find(b"\r")) if end >= 0]
        if not ends:
            offset += len(block)
            continue
        end = offset + min(ends)
        return end + (2 if os.pread(file.fileno(), 2, end) == b"\r\n" else 1)
    return size


def _last_line_end(block: bytes) -> int:
    """The length of ``block`` up to its last line end; 0 without one."""
    # A carriage return at the very end may be the first half of one.
    carriage_return = block.rfind(b"\r", 0, -1) if b"\r" in block else -1
    return 1 + max(block.rfind(b"\n"), carriage_return)


class TextReader(SplitReader[str]):
    """Reads one piece, block by block; a block is decoded and split at once."""

    def __init__(
        self, split: TextSplit, position: TextPosition | None, *, encoding: str = "utf-8", errors: str = "strict"
    ) -> None:
        self._split = split
        self._encoding = encoding
        self._errors = errors
        self._file = open(split.path, "rb", buffering=0)  # noqa: SIM115  # closed by close()
        start = position or TextPosition(split.start, 0)
        self._block_offset = start.offset  # of the first of self._lines
        self._read_offset = start.offset
        self._rest: list[bytes] = []  # read, but not yet known to be whole lines
        self._lines: list[str] = []
        self._next = 0
        self._skip = start.lines
        self._polled = 0

    def poll(self, max_records: int, /) -> list[str] | None:
        """The next lines, at most as many as one block holds."""
        while self._next >= len(self._lines):
            if not self._fill():
                return None
        lines = self._lines[self._next : self._next + max_records]
        self._next += len(lines)
        self._polled = len(lines)
        return lines

    def snapshot(self) -> TextPosition:
        """Where the next line stands."""
        return TextPosition(self._block_offset, self._next + self._skip)

    def close(self) -> None:
        """Closes the file."""
        self._file.close()

    def where(self, index: int) -> str:
        """``file:line`` of the line at ``index`` of the latest ``poll``; for error messages."""
        before = self._next - self._polled + index
        return f"{self._split.path}:{count_lines(self._split.path, self._block_offset) + before + 1}"

    def _fill(self) -> bool:
        """Replaces the lines by those of the next block; false at the end of the piece."""
        whole = self._read_whole_lines()
        if not whole:
            return False
        self._block_offset = self._read_offset - sum(map(len, self._rest)) - len(whole)
        self._lines = self._decode(whole)
        self._next = min(self._skip, len(self._lines))
        self._skip -= self._next
        return True

    def _read_whole_lines(self) -> bytes:
        """What was read up to its last line end, at the end of the piece all of it, behind that nothing."""
        while block := self._read_block():
            if end := _last_line_end(block):
                whole = b"".join((*self._rest, block[:end]))
                self._rest = [block[end:]]
                return whole
            self._rest.append(block)
        whole = b"".join(self._rest)
        self._rest = []
        return whole

    def _read_block(self) -> bytes:
        wanted = _BLOCK_BYTES if self._split.last else min(_BLOCK_BYTES, self._split.stop - self._read_offset)
        try:
            block = os.pread(self._file.fileno(), wanted, self._read_offset)
        except OSError as error:
            error.filename = self._split.path  # a failing read does not say of which file
            raise
        self._read_offset += len(block)
        if not block and self._read_offset < self._split.stop:
            raise SourceError(
                f"{self._split.path} was truncated while it was read: expected {self._split.stop} bytes,"
                f" found {self._read_offset}"
            )
        return block

    def _decode(self, whole: bytes) -> list[str]:
        try:
            text = whole.decode(self._encoding, self._errors)
        except UnicodeDecodeError as error:
            raise self._undecodable(whole, error) from error
        if "\r" in text:
            text = text.replace("\r\n", "\n").replace("\r", "\n")
        lines = text.split("\n")
        if not lines[-1]:
            lines.pop()  # what stands behind the last line end
        return lines

    def _undecodable(self, whole: bytes, error: UnicodeDecodeError) -> SourceError:
        line = count_lines(self._split.path, self._block_offset + error.start) + 1
        found = whole[error.start : error.start + 1].hex()
        return SourceError(
            f"{self._split.path}:{line}: not valid {self._encoding}: byte 0x{found} at offset"
            f" {self._block_offset + error.start} ({error.reason})"
        )
