"""One job at a time writes to a checkpoint directory."""

import fcntl
import os
from pathlib import Path

from sage_local.errors import CheckpointError
from sage_local.runtime.checkpoint.local import LocalStorage
from sage_local.runtime.checkpoint.storage import Storage

LOCK = "LOCK"


class DirectoryLock:
    """Held until ``release`` or the end of this process, however it ends: the kernel keeps it, not the file.

    On object stores there is nothing like it, and nothing is locked.
    """

    def __init__(self, storage: Storage, job_id: str) -> None:
        self._descriptor: int | None = None
        if isinstance(storage, LocalStorage):
            self._descriptor = _lock(Path(storage.location), job_id)

    def release(self) -> None:
        """Let others in."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def _lock(directory: Path, job_id: str) -> int:
    directory.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(directory / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.read(descriptor, 200).decode(errors="replace").strip() or "another job"
        os.close(descriptor)
        raise CheckpointError(
            f"{directory} is in use by job {holder}: two jobs can not share a checkpoint directory;"
            " give this one another name or checkpoint.dir"
        ) from None
    os.ftruncate(descriptor, 0)
    os.write(descriptor, job_id.encode())
    return descriptor
