"""What the control groups of this process allow, version 1 and 2.

Every function takes the root of the file tree, so that captured trees can be read.
"""

from collections.abc import Iterator
from math import inf
from pathlib import Path

UNLIMITED_FROM = 1 << 60
"""Version 1 writes "no limit" as the largest multiple of a page (9,223,372,036,854,771,712)."""


def memory_limit_bytes(root: Path = Path("/")) -> int | None:
    """The smallest memory limit from this process's group up to the top; ``None`` when there is none."""
    limits = [
        limit
        for file in (*_files(root, None, "memory.max"), *_files(root, "memory", "memory.limit_in_bytes"))
        if (limit := _number(file)) < UNLIMITED_FROM
    ]
    return int(min(limits)) if limits else None


def cpu_quota(root: Path = Path("/")) -> float | None:
    """CPUs' worth of time that may be used, such as 1.5; ``None`` when there is no quota."""
    quotas = [quota for file in _files(root, None, "cpu.max") if (quota := _ratio(*file.read_text().split())) < inf]
    for file in _files(root, "cpu", "cpu.cfs_quota_us"):
        quota = _ratio(file.read_text().strip(), file.with_name("cpu.cfs_period_us").read_text().strip())
        if quota < inf:
            quotas.append(quota)
    return min(quotas) if quotas else None


def _files(root: Path, controller: str | None, name: str) -> Iterator[Path]:
    """``name`` in each group from this process's own up to the mount point. ``controller``: ``None`` for version 2."""
    group = _group(root, controller)
    if group is None:
        return
    for mount in _mounts(root, controller):
        parts = [part for part in group.split("/") if part]
        # In a container the path is often the host's, and not to be found below the mount, which is our group.
        for depth in range(len(parts), -1, -1):
            file = mount.joinpath(*parts[:depth], name)
            if file.is_file():
                yield file


def _group(root: Path, controller: str | None) -> str | None:
    table = root / "proc/self/cgroup"
    if not table.is_file():
        return None
    for line in table.read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        if (controller is None and not controllers) or (
            controller is not None and controller in controllers.split(",")
        ):
            return path
    return None


def _mounts(root: Path, controller: str | None) -> list[Path]:
    base = root / "sys/fs/cgroup"
    candidates = [base, base / "unified"] if controller is None else [base / controller, base / "cpu,cpuacct"]
    return [
        path
        for path in candidates
        if path.is_dir() and (controller is None or path.name != "cpu,cpuacct" or controller == "cpu")
    ]


def _number(file: Path) -> float:
    text = file.read_text().strip()
    return inf if text == "max" else float(text)


def _ratio(quota: str, period: str) -> float:
    return inf if quota in ("max", "-1") else float(quota) / float(period)
