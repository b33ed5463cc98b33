"""Which files a path, a glob or a list of them names, and where in a file something stands."""

import glob
import os
import stat
from collections.abc import Iterable
from pathlib import Path

from sage_local.errors import SourceError

PathPattern = str | os.PathLike[str]
_COUNT_BLOCK_BYTES = 1 << 20


def named(patterns: PathPattern | Iterable[PathPattern]) -> list[str]:
    """``patterns`` as a list. Raises ``SourceError`` for what is no path and no list of paths."""
    several = [patterns] if isinstance(patterns, str | os.PathLike) else patterns
    listed: list[object] = list(several) if isinstance(several, Iterable) else []
    paths = [os.fspath(pattern) for pattern in listed if isinstance(pattern, str | os.PathLike)]
    if not listed or len(paths) < len(listed) or not all(isinstance(path, str) and path for path in paths):
        raise SourceError(f"expected a path, a glob or a list of them, found {patterns!r}")
    return paths


def find_files(patterns: list[str]) -> list[str]:
    """The readable regular files that ``patterns`` name, as absolute paths, sorted, each once.

    A pattern that exists as it stands is a path; any other with ``*``, ``?`` or ``[`` is a glob, where ``**`` crosses
    directories. Raises ``SourceError`` for a pattern that names no file, a directory named by itself, anything that is
    no regular file, and a file that may not be read.
    """
    found: set[str] = set()
    for pattern in patterns:
        found.update(_expand(os.path.expanduser(pattern)))
    return sorted(found)


def _expand(pattern: str) -> list[str]:
    if os.path.lexists(pattern) or not glob.has_magic(pattern):
        return [_checked(os.path.abspath(pattern))]
    # A glob such as "logs/*" also meets directories; these were not asked for by name, so they are passed over.
    matches = [match for match in glob.iglob(pattern, recursive=True) if not os.path.isdir(match)]
    if not matches:
        raise SourceError(f"no file matches {pattern!r} (seen from {Path.cwd()})")
    return [_checked(os.path.abspath(match)) for match in matches]


def _checked(path: str) -> str:
    try:
        mode = os.stat(path).st_mode
    except OSError as error:
        raise SourceError(f"can not read {path}: {error.strerror}") from error
    except ValueError as error:  # a zero character
        raise SourceError(f"can not read {path!r}: {error}") from error
    if stat.S_ISDIR(mode):
        raise SourceError(f"{path} is a directory: expected a file, or a glob such as {os.path.join(path, '**/*')!r}")
    if not stat.S_ISREG(mode):
        raise SourceError(f"{path} is not a regular file: a pipe or device can not be read from several processes")
    if not os.access(path, os.R_OK):
        raise SourceError(f"can not read {path}: {os.strerror(13)}")
    return path


def check_encoding(encoding: str) -> str:
    """``encoding``, if a newline is one byte in it. Raises ``LookupError`` or ``SourceError`` otherwise.

    Files are cut at newline bytes, so UTF-16, UTF-32, EBCDIC and encodings with a byte order mark can not be read.
    """
    if "\r\n".encode(encoding) != b"\r\n":
        raise SourceError(f"encoding {encoding!r} can not be split at newline bytes; expected one such as 'utf-8'")
    return encoding


def count_lines(path: str, stop: int) -> int:
    r"""The number of line ends (``\n``, ``\r\n`` or ``\r``) in the first ``stop`` bytes.

    For error messages only: it reads all of them.
    """
    lines = 0
    after_return = False
    with open(path, "rb") as file:
        while stop > 0 and (block := file.read(min(stop, _COUNT_BLOCK_BYTES))):
            stop -= len(block)
            lines += block.count(b"\n") + block.count(b"\r") - block.count(b"\r\n")
            lines -= after_return and block.startswith(b"\n")
            after_return = block.endswith(b"\r")
    return lines


def shortened(text: str, limit: int = 80) -> str:
    """``repr(text)``, cut to about ``limit`` characters."""
    return repr(text) if len(text) <= limit else repr(text[:limit]) + "…"
