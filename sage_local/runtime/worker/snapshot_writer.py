"""Writes the files of snapshots beside the running work."""

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from queue import SimpleQueue
from typing import Protocol

from sage_local.core.data import data
from sage_local.runtime.checkpoint.storage import Storage

Done = Callable[[OSError | None], None]
AGAIN_S = 0.2
"""A disk that is full is not emptied by asking often."""


class SnapshotWriter(Protocol):
    """Stores files in the order in which they are given."""

    def write(self, path: str, parts: Sequence[bytes], done: Done, *, again: bool = False) -> None:
        """Begin; ``done`` is called by ``poll``, with what went wrong or ``None`` when the file is durable.

        ``again``: it went wrong just now, so leave the storage some time.
        """

    def poll(self) -> bool:
        """Tell of files that are done; whether there was any. Raises what went wrong with more than the storage."""

    def close(self) -> None:
        """Begin no other file. One that is being written may still become durable; nobody is told."""


@data
class _Order:
    path: str
    parts: Sequence[bytes]
    done: Done
    after_s: float


class ThreadedWriter:
    """Writes in a thread of its own: a disk takes its time, and records should not wait for it.

    ``wake`` ends the sleep of the duty cycle, which then polls. The thread starts with the first file.
    """

    def __init__(self, storage: Storage, wake: Callable[[], object]) -> None:
        self._storage = storage
        self._wake = wake
        self._orders: SimpleQueue[_Order | None] = SimpleQueue()
        self._is_closed = False
        self._finished: deque[tuple[Done, Exception | None]] = deque()
        self._thread: threading.Thread | None = None

    def write(self, path: str, parts: Sequence[bytes], done: Done, *, again: bool = False) -> None:
        """Hand over to the thread."""
        if self._thread is None:
            # A daemon: a disk that hangs must not keep the worker from leaving.
            self._thread = threading.Thread(target=self._run, name="snapshot writer", daemon=True)
            self._thread.start()
        self._orders.put(_Order(path, parts, done, AGAIN_S if again else 0.0))

    def poll(self) -> bool:
        """See ``SnapshotWriter``."""
        told = bool(self._finished)
        while self._finished:
            done, error = self._finished.popleft()
            if error is not None and not isinstance(error, OSError):
                raise error
            done(error)
        return told

    def close(self) -> None:
        """See ``SnapshotWriter``."""
        self._is_closed = True
        self._orders.put(None)

    def _run(self) -> None:
        while (order := self._orders.get()) is not None and not self._is_closed:
            time.sleep(order.after_s)
            self._finished.append((order.done, _stored(self._storage, order.path, order.parts)))
            self._wake()


def _stored(storage: Storage, path: str, parts: Sequence[bytes]) -> Exception | None:
    try:
        storage.write(path, parts)
    # The edge of the thread: it must not end alone, when everybody waits for what it was to write.
    except Exception as error:
        return error
    return None
