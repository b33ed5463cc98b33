"""How much memory a job may use, and the part of it that is for rings."""

from pathlib import Path

from sage_local.config import MEMORY_BYTES, Settings
from sage_local.errors import ConfigError
from sage_local.runtime.memory.cgroup import memory_limit_bytes

RING_SHARE = 4
"""One part in so many of the budget is for rings; the rest is heap and state."""
WORKER_BYTES = 4 * 2**20
"""What a worker has for itself when it has done nothing yet: 5.4 MiB measured with CPython 3.11."""
RING_BYTES_PER_WORKER = 16 * 2**20
"""More than this gains nothing measurable and costs start-up time: fresh shared pages come at about 2 GB/s."""


def budget_bytes(settings: Settings, root: Path = Path("/")) -> int:
    """The memory of the whole job: what was set, else the limit of the container, else the machine's memory."""
    written = settings[MEMORY_BYTES]
    if written is not None:
        return written
    machine = _machine_bytes(root)
    limit = memory_limit_bytes(root)
    return machine if limit is None else min(limit, machine)


def ring_share_bytes(settings: Settings, workers: int, root: Path = Path("/")) -> int:
    """The bytes that all rings of a job with ``workers`` workers share."""
    return min(budget_bytes(settings, root) // RING_SHARE, RING_BYTES_PER_WORKER * workers)


def refuse_too_small(budget: int, shared: int, workers: int) -> None:
    """Raise ``ConfigError`` where the workers of a job can not live on its budget."""
    if workers * WORKER_BYTES > budget:
        raise ConfigError(
            f"the memory budget is {_mib(budget)}, and {_workers(workers)} {_mib(workers * WORKER_BYTES)}"
            f" before they hold a record: raise {MEMORY_BYTES.key}, or lower parallelism"
        )
    if 2 * shared > budget:
        raise ConfigError(
            f"the memory budget is {_mib(budget)}, and the rings between {workers} workers alone need {_mib(shared)}"
            f" (at most half may be rings): raise {MEMORY_BYTES.key}, or lower parallelism or ring.min-size"
        )


def _machine_bytes(root: Path) -> int:
    for line in (root / "proc/meminfo").read_text().splitlines():
        if line.startswith("MemTotal:"):
            return int(line.split()[1]) * 1024
    raise ConfigError(f"{root / 'proc/meminfo'} has no line MemTotal: set {MEMORY_BYTES.key}")


def _workers(count: int) -> str:
    return "1 worker needs" if count == 1 else f"{count} workers need"


def _mib(size: int) -> str:
    return f"{size / 2**20:.1f} MiB"
