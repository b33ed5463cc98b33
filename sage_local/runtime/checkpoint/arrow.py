"""Checkpoints wherever ``pyarrow.fs`` can store files: object stores, HDFS."""

from collections.abc import Iterable
from typing import Any

from sage_local.errors import CheckpointError


def open_arrow_storage(uri: str) -> "ArrowStorage":
    """The storage at ``uri``."""
    from pyarrow import ArrowInvalid
    from pyarrow.fs import FileSystem

    try:
        file_system, path = FileSystem.from_uri(uri)
    except (ArrowInvalid, OSError) as error:
        expected = "expected a directory or a URI that pyarrow.fs understands"
        raise CheckpointError(f"{expected}, found {uri!r}: {error}") from error
    return ArrowStorage(file_system, path, uri)


class ArrowStorage:
    """A directory of a ``pyarrow.fs.FileSystem``; see ``storage.Storage``.

    An object store makes an object visible only when it is whole, and durable when it is closed: one PUT is both the
    write and the commit, so nothing is renamed here.
    """

    def __init__(self, file_system: Any, root: str, location: str) -> None:
        self._file_system = file_system
        self._root = root.rstrip("/")
        self._location = location

    @property
    def location(self) -> str:
        """The URI."""
        return self._location

    def write(self, path: str, parts: Iterable[bytes]) -> None:
        """As one object."""
        target = self._at(path)
        self._file_system.create_dir(target.rpartition("/")[0], recursive=True)
        with self._file_system.open_output_stream(target) as file:
            for part in parts:
                file.write(part)

    def read(self, path: str) -> bytes:
        """The whole object."""
        with self._file_system.open_input_stream(self._at(path)) as file:
            data: bytes = file.read()
        return data

    def size(self, path: str) -> int | None:
        """Without reading it."""
        size: int | None = self._file_system.get_file_info(self._at(path)).size
        return size

    def names(self, directory: str = "") -> list[str]:
        """One listing."""
        from pyarrow.fs import FileSelector

        selector = FileSelector(self._at(directory), allow_not_found=True)
        return sorted(info.base_name for info in self._file_system.get_file_info(selector))

    def delete(self, path: str) -> None:
        """An object, or everything under a prefix."""
        from pyarrow.fs import FileType

        info = self._file_system.get_file_info(self._at(path))
        if info.type == FileType.Directory:
            self._file_system.delete_dir(info.path)
        elif info.type == FileType.File:
            self._file_system.delete_file(info.path)

    def _at(self, path: str) -> str:
        return f"{self._root}/{path}" if path else self._root
