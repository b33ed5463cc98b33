"""A disk that survives every simulated process, and may damage what it holds."""

import errno
from collections import deque
from collections.abc import Iterable, Sequence
from itertools import islice

from sage_local.runtime.checkpoint import manifest
from sage_local.runtime.launcher.simulation.faults import Fault
from sage_local.runtime.launcher.simulation.world import World
from sage_local.runtime.worker.snapshot_writer import Done

SLOW_MS = 300
"""More than the ``checkpoint.timeout`` of simulated jobs."""


class Disk:
    """``damaged``: files that are not what was written any more. ``completed``: the files of each checkpoint."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.files: dict[str, bytes] = {}
        self.damaged: set[str] = set()
        self.completed: dict[int, set[str]] = {}

    def decay(self) -> None:
        """Time passes: a file may be damaged."""
        if not self.files:
            return
        path = self.world.random.choice(list(self.files))
        data = self.files[path]
        if self.world.strikes(Fault.FILE_TORN, path):
            self.files[path] = data[: self.world.random.randrange(len(data))]
        elif self.world.strikes(Fault.FILE_FLIPPED, path):
            at = self.world.random.randrange(len(data))
            self.files[path] = data[:at] + bytes([data[at] ^ 1 << self.world.random.randrange(8)]) + data[at + 1 :]
        elif self.world.strikes(Fault.FILE_VANISHES, path):
            del self.files[path]
        else:
            return
        self.damaged.add(path)

    def store(self, path: str, data: bytes) -> None:
        """From now on it is durable."""
        self.files[path] = data
        self.damaged.discard(path)
        self.world.tell(f"{path} is durable")
        if path.endswith(manifest.NAME):
            complete = manifest.read_manifest(path, data)
            self.completed[complete.checkpoint] = {path, *complete.files}

    def is_damaged(self, checkpoint: int) -> bool:
        """Whether it can not be restored."""
        return bool(self.completed[checkpoint] & self.damaged)


class SimulatedStorage:
    """The disk as one process sees it; see ``checkpoint.storage.Storage``. The process may die in every call."""

    location = "simulated://disk"

    def __init__(self, disk: Disk, *, is_coordinators: bool) -> None:
        self._disk = disk
        self._world = disk.world
        self._is_coordinators = is_coordinators

    def write(self, path: str, parts: Iterable[bytes]) -> None:
        """Atomic, as every storage; the process may die just before or just after."""
        is_manifest = path.endswith(manifest.NAME)
        world = self._world
        if world.strikes(Fault.MANIFEST_FAILS if is_manifest else Fault.WRITE_FAILS, path):
            raise OSError(errno.ENOSPC, "No space left on device", path)
        world.may_crash(
            Fault.COORDINATOR_DIES_BEFORE_MANIFEST if is_manifest else Fault.WORKER_DIES_BEFORE_WRITING, path
        )
        self._disk.store(path, b"".join(parts))
        world.may_crash(Fault.COORDINATOR_DIES_AFTER_MANIFEST if is_manifest else Fault.WORKER_DIES_AFTER_WRITING, path)

    def read(self, path: str) -> bytes:
        """The file."""
        at_restore = Fault.COORDINATOR_DIES_AT_RESTORE if self._is_coordinators else Fault.WORKER_DIES_AT_RESTORE
        self._world.may_crash(at_restore, path)
        try:
            return self._disk.files[path]
        except KeyError:
            raise FileNotFoundError(errno.ENOENT, "No such file", path) from None

    def size(self, path: str) -> int | None:
        """Its length."""
        return len(self._disk.files[path]) if path in self._disk.files else None

    def names(self, directory: str = "") -> list[str]:
        """The first part of every path below ``directory``."""
        prefix = f"{directory}/" if directory else ""
        return sorted({path.removeprefix(prefix).split("/")[0] for path in self._disk.files if path.startswith(prefix)})

    def delete(self, path: str) -> None:
        """The file, or everything below, one file after the other."""
        for name in [name for name in self._disk.files if name == path or name.startswith(f"{path}/")]:
            if self._world.strikes(Fault.DELETE_FAILS, name):
                raise OSError(errno.EACCES, "Permission denied", name)
            del self._disk.files[name]
            self._world.may_crash(Fault.COORDINATOR_DIES_SWEEPING, name)


class SimulatedWriter:
    """Writes beside the work of a worker, as its thread would; see ``worker.snapshot_writer.SnapshotWriter``.

    ``before`` is that of the execution before: the file that it was at may yet become durable, the others do not.
    """

    def __init__(self, storage: SimulatedStorage, world: World, before: "SimulatedWriter | None" = None) -> None:
        self._storage = storage
        self._world = world
        self._orders: deque[tuple[str, Sequence[bytes], Done]] = deque()
        self._finished: deque[tuple[Done, OSError | None]] = deque()
        self._waits_until_ns = 0
        if before is not None:
            self._orders.extend((path, parts, _nobody_waits) for path, parts, _ in islice(before._orders, 1))

    def write(self, path: str, parts: Sequence[bytes], done: Done, *, again: bool = False) -> None:
        """Queue."""
        if self._world.strikes(Fault.WRITE_IS_SLOW, path):
            self._waits_until_ns = self._world.now_ns + SLOW_MS * 1_000_000
        self._orders.append((path, parts, done))

    def work(self) -> None:
        """The thread's turn: the next file. ``Crash`` comes out where the process dies."""
        if not self._orders or self._world.now_ns < self._waits_until_ns:
            return
        path, parts, done = self._orders.popleft()
        error: OSError | None = None
        try:
            self._storage.write(path, parts)
        except OSError as failed:
            error = failed
        self._finished.append((done, error))

    def poll(self) -> bool:
        """Tell of what is done."""
        told = bool(self._finished)
        for _ in range(len(self._finished)):
            done, error = self._finished.popleft()
            done(error)
        return told

    def close(self) -> None:
        """Nothing more is written."""
        self._orders.clear()


def _nobody_waits(_error: OSError | None) -> None:
    """The execution that wanted to know is over."""
