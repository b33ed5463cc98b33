"""The thread that writes snapshots."""

import threading
from collections.abc import Iterable

import pytest

from sage_local.runtime.worker.snapshot_writer import ThreadedWriter


class Broken:
    """A storage that fails with ``error``."""

    location = "nowhere"

    def __init__(self, error: BaseException) -> None:
        self.error = error

    def write(self, path: str, parts: Iterable[bytes]) -> None:
        raise self.error

    def read(self, path: str) -> bytes:
        raise self.error

    def size(self, path: str) -> int | None:
        return None

    def names(self, directory: str = "") -> list[str]:
        return []

    def delete(self, path: str) -> None:
        raise self.error


def written(error: BaseException) -> tuple[ThreadedWriter, list[OSError | None]]:
    """A writer that has failed to write a file, and what was told of files."""
    failed = threading.Event()
    told: list[OSError | None] = []
    writer = ThreadedWriter(Broken(error), failed.set)
    writer.write("file", [b"x"], told.append)
    assert failed.wait(30)
    writer.close()
    return writer, told


def test_trouble_of_the_storage_is_told() -> None:
    error = OSError(28, "No space left on device")
    writer, told = written(error)
    assert writer.poll()
    assert told == [error]


def test_any_other_failure_is_raised_where_everybody_would_wait_for_the_file() -> None:
    writer, told = written(MemoryError("too much"))
    with pytest.raises(MemoryError, match="too much"):
        writer.poll()
    assert told == []
