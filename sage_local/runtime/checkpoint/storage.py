"""What checkpoints ask of a file system. ``tests/runtime/checkpoint/test_storage.py`` holds every storage to it."""

import os
from collections.abc import Iterable
from typing import Protocol

from sage_local.config.locations import joined

LOCAL_SCHEME = "file://"


class Storage(Protocol):
    """Files under one root, by paths relative to it with ``/`` between names. Everything may raise ``OSError``."""

    @property
    def location(self) -> str:
        """The root, as a user would write it."""

    def write(self, path: str, parts: Iterable[bytes]) -> None:
        """Store ``parts`` as one file, its directories as needed.

        When this returns it is durable. When it raises, or the process dies, there is no file of that name, or still
        the one before.
        """

    def read(self, path: str) -> bytes:
        """The whole file; ``FileNotFoundError`` when there is none."""

    def size(self, path: str) -> int | None:
        """Bytes of the file; ``None`` when there is none."""

    def names(self, directory: str = "") -> list[str]:
        """The files and directories in ``directory``, sorted; none when there is no such directory."""

    def delete(self, path: str) -> None:
        """Remove a file, or a directory with all that is in it; nothing happens when there is none."""


def open_storage(location: str) -> Storage:
    """The storage at a local path or at a URI for ``pyarrow.fs``. Raises ``CheckpointError`` for anything else."""
    if location.startswith(LOCAL_SCHEME):
        location = location.removeprefix(LOCAL_SCHEME)
    if "://" not in location:
        from sage_local.runtime.checkpoint.local import LocalStorage

        return LocalStorage(os.path.abspath(os.path.expanduser(location)))
    # pyarrow costs a process tens of MB and its start a fifth of a second: a job on local files goes without.
    from sage_local.runtime.checkpoint.arrow import open_arrow_storage

    return open_arrow_storage(location)


def inside(storage: Storage, *names: str) -> Storage:
    """The storage at a directory of another."""
    return open_storage(joined(storage.location, *names))
