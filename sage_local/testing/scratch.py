"""Files by which a test and the worker processes of its job know of each other."""

import os
import tempfile
import weakref


class ScratchFile:
    """An empty file that every copy of this object, in whatever process, appends to and reads.

    It is removed when the object that made it is gone: keep that for as long as the job runs. Copies (what workers
    unpickle) remove nothing.
    """

    def __init__(self) -> None:
        descriptor, self.path = tempfile.mkstemp(prefix="sage-testing-")
        os.close(descriptor)
        self._removal = weakref.finalize(self, _remove, self.path, os.getpid())

    def __getstate__(self) -> dict[str, str]:
        return {"path": self.path}

    def append(self, data: bytes) -> int:
        """Write ``data`` behind all that is there, undivided; returns the size of the file up to its end.

        The kernel orders appends of several processes, and each finds its own end: so one byte is a ticket.
        """
        descriptor = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)
        try:
            written = os.write(descriptor, data)
            if written != len(data):
                raise OSError(f"{self.path}: {written} of {len(data)} bytes could be written")
            return os.lseek(descriptor, 0, os.SEEK_CUR)
        finally:
            os.close(descriptor)

    def read(self) -> bytes:
        """All that was appended so far."""
        with open(self.path, "rb") as file:
            return file.read()

    def size(self) -> int:
        """How many bytes were appended so far."""
        return os.stat(self.path).st_size

    def clear(self) -> None:
        """Forget them."""
        os.truncate(self.path, 0)


def _remove(path: str, owner: int) -> None:
    # A process forked from the owner runs finalizers too.
    if os.getpid() == owner and os.path.exists(path):
        os.unlink(path)
