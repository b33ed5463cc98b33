"""Reads the machine from ``/sys`` and ``/proc``, or from a captured copy of them."""

import os
from pathlib import Path

from sage_local.errors import ConfigError
from sage_local.runtime.memory.cgroup import cpu_quota
from sage_local.runtime.protocol.placement import Core, NumaNode, Topology


def read_topology(root: Path = Path("/"), allowed: frozenset[int] | None = None) -> Topology:
    """What this process may use of the machine below ``root``.

    ``allowed``: the CPUs of this process's affinity mask, read from the kernel when not given (for ``/``) or from the
    captured ``proc/self/status``.
    """
    if allowed is None:
        allowed = frozenset(os.sched_getaffinity(0)) if root == Path("/") else _captured_mask(root)
    usable = _online(root) & allowed
    if not usable:
        raise ConfigError(f"none of the allowed CPUs {sorted(allowed)} is online")
    nodes = [
        node
        for id_, cpus in sorted(_node_cpus(root, usable).items())
        if (node := _node(root, id_, cpus & usable)).cores
    ]
    return Topology(tuple(nodes), cpu_quota(root))


def parse_cpu_list(text: str) -> frozenset[int]:
    """The kernel's list format: ``0-3,8,10-11``."""
    cpus: set[int] = set()
    for part in text.strip().split(","):
        if part:
            first, _, last = part.partition("-")
            cpus.update(range(int(first), int(last or first) + 1))
    return frozenset(cpus)


def _online(root: Path) -> frozenset[int]:
    return parse_cpu_list((root / "sys/devices/system/cpu/online").read_text())


def _captured_mask(root: Path) -> frozenset[int]:
    for line in (root / "proc/self/status").read_text().splitlines():
        if line.startswith("Cpus_allowed_list:"):
            return parse_cpu_list(line.partition(":")[2])
    raise ConfigError(f"{root / 'proc/self/status'} has no line Cpus_allowed_list")


def _node_cpus(root: Path, usable: frozenset[int]) -> dict[int, frozenset[int]]:
    """The CPUs of each node. A kernel without NUMA, and some containers, show no nodes: then all is node 0."""
    directory = root / "sys/devices/system/node"
    lists = sorted(directory.glob("node[0-9]*/cpulist")) if directory.is_dir() else []
    return {int(file.parent.name[4:]): parse_cpu_list(file.read_text()) for file in lists} or {0: usable}


def _node(root: Path, node_id: int, cpus: frozenset[int]) -> NumaNode:
    siblings = {_siblings(root, cpu) & cpus for cpu in cpus}
    return NumaNode(node_id, tuple(Core(tuple(sorted(core))) for core in sorted(siblings, key=min)))


def _siblings(root: Path, cpu: int) -> frozenset[int]:
    file = root / f"sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list"
    return parse_cpu_list(file.read_text()) if file.is_file() else frozenset({cpu})
