"""Checkpoints in a directory of this machine's file system."""

import os
import shutil
from collections.abc import Iterable
from pathlib import Path

_UNFINISHED = ".unfinished"
"""Ends the name of a file that is being written; whoever finds one after a crash may remove it."""
_AT_ONCE = 1 << 20
"""Bytes of one system call. Each lets go of the interpreter, and then waits for it behind a thread that computes."""


class LocalStorage:
    """A directory, made when the first file is written; see ``storage.Storage``."""

    def __init__(self, root: str | os.PathLike[str]) -> None:
        self._root = Path(root)

    @property
    def location(self) -> str:
        """The directory."""
        return str(self._root)

    def write(self, path: str, parts: Iterable[bytes]) -> None:
        """By a temporary file and an atomic rename, each made durable."""
        target = self._root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        unfinished = target.with_name(target.name + _UNFINISHED)
        try:
            with open(unfinished, "wb", buffering=_AT_ONCE) as file:
                for part in parts:
                    file.write(part)
                file.flush()
                os.fsync(file.fileno())
            os.replace(unfinished, target)
        except BaseException:
            unfinished.unlink(missing_ok=True)
            raise
        _sync_directory(target.parent)

    def read(self, path: str) -> bytes:
        """The file's bytes."""
        try:
            return (self._root / path).read_bytes()
        except OSError as error:
            error.filename = str(self._root / path)  # a failing read does not say of which file
            raise

    def size(self, path: str) -> int | None:
        """From the file's status."""
        try:
            return (self._root / path).stat().st_size
        except FileNotFoundError:
            return None

    def names(self, directory: str = "") -> list[str]:
        """What is finished."""
        try:
            return sorted(name for name in os.listdir(self._root / directory) if not name.endswith(_UNFINISHED))
        except FileNotFoundError:
            return []

    def delete(self, path: str) -> None:
        """Not made durable: what comes back after a crash is swept again."""
        target = self._root / path
        if target.is_dir():
            shutil.rmtree(target, ignore_errors=True)
        else:
            target.unlink(missing_ok=True)


def _sync_directory(directory: Path) -> None:
    # Without it a crash of the machine may lose the name though the bytes are on the disk.
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
