"""Storage that survives every simulated process."""

import errno
from collections.abc import Iterable

from sage_local.runtime.checkpoint import manifest
from sage_local.runtime.launcher.simulation.faults import Fault
from sage_local.runtime.launcher.simulation.world import World


class SimulatedStorage:
    """Files in memory; see ``checkpoint.storage.Storage``."""

    location = "simulated://storage"

    def __init__(self, world: World) -> None:
        self._world = world
        self._files: dict[str, bytes] = {}

    def write(self, path: str, parts: Iterable[bytes]) -> None:
        """Atomic, as every storage; the process may die just before or just after."""
        is_manifest = path.endswith(manifest.NAME)
        world = self._world
        if world.strikes(Fault.MANIFEST_FAILS if is_manifest else Fault.WRITE_FAILS, path):
            raise OSError(errno.ENOSPC, "No space left on device", path)
        world.may_crash(
            Fault.COORDINATOR_DIES_BEFORE_MANIFEST if is_manifest else Fault.WORKER_DIES_BEFORE_WRITING, path
        )
        self._files[path] = b"".join(parts)
        world.tell(f"{path} is durable")
        world.may_crash(Fault.COORDINATOR_DIES_AFTER_MANIFEST if is_manifest else Fault.WORKER_DIES_AFTER_WRITING, path)

    def read(self, path: str) -> bytes:
        """The file."""
        try:
            return self._files[path]
        except KeyError:
            raise FileNotFoundError(errno.ENOENT, "No such file", path) from None

    def size(self, path: str) -> int | None:
        """Its length."""
        return len(self._files[path]) if path in self._files else None

    def names(self, directory: str = "") -> list[str]:
        """The first part of every path below ``directory``."""
        prefix = f"{directory}/" if directory else ""
        return sorted({path.removeprefix(prefix).split("/")[0] for path in self._files if path.startswith(prefix)})

    def delete(self, path: str) -> None:
        """The file, or everything below."""
        for name in [name for name in self._files if name == path or name.startswith(f"{path}/")]:
            del self._files[name]
