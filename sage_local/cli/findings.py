"""What this machine and installation offer to a job, one finding per question."""

import errno
import os
import platform
import sys
import sysconfig
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from importlib import metadata
from pathlib import Path

from sage_local.runtime.memory.cgroup import memory_limit_bytes
from sage_local.runtime.scheduler.topology import read_topology

_OLDEST, _NEWEST = (3, 11), (3, 14)
_MACHINES = ("x86_64", "aarch64")
_PROBE_BYTES = 1 << 16

OPTIONAL = {"PyYAML": "settings in YAML files (sage run local --config FILE.yaml)"}
"""Distributions that something works only with, and what."""


class Verdict(Enum):
    """What a finding means for running jobs."""

    OK = "ok"
    NOTE = "note"
    """Jobs run, with what the text says."""
    OPTIONAL = "optional"
    """Not installed, and needed for one thing only."""
    MISSING = "missing"
    """No job can run."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One answer."""

    subject: str
    verdict: Verdict
    text: str


def findings() -> Iterator[Finding]:
    """Every finding, in the order of the questions a new user has."""
    yield interpreter(platform.python_implementation(), sys.version_info[:2], has_gil=_has_gil())
    yield system(platform.system(), platform.machine())
    yield from packages()
    yield from extension()
    yield pidfd()
    yield cpus()
    yield numa_nodes()
    yield memory()
    yield from optional_packages()


def interpreter(implementation: str, version: tuple[int, ...], *, has_gil: bool) -> Finding:
    """CPython 3.11 to 3.14 with the GIL."""
    found = f"{implementation} {platform.python_version()} at {sys.executable}"
    if implementation == "CPython" and _OLDEST <= version <= _NEWEST and has_gil:
        return Finding("interpreter", Verdict.OK, found)
    return Finding("interpreter", Verdict.MISSING, f"{found}: expected CPython 3.11 to 3.14 with the GIL")


def _has_gil() -> bool:
    return not sysconfig.get_config_var("Py_GIL_DISABLED")


def system(name: str, machine: str) -> Finding:
    """Linux on a 64-bit processor that the C extension knows."""
    found = f"{name} {platform.release()}, {machine}"
    if name == "Linux" and machine in _MACHINES:
        return Finding("system", Verdict.OK, found)
    return Finding("system", Verdict.MISSING, f"{found}: expected Linux on {' or '.join(_MACHINES)}")


def packages() -> Iterator[Finding]:
    """The distributions that ``sage-kernel`` requires."""
    try:
        required = [line for line in metadata.requires("sage-kernel") or [] if "extra ==" not in line]
    except metadata.PackageNotFoundError:
        yield Finding("packages", Verdict.MISSING, "sage-kernel is not installed: pip install sage-kernel")
        return
    versions = {name: _version(name) for name in sorted(_distribution(line) for line in required)}
    absent = [name for name, version in versions.items() if version is None]
    if absent:
        yield Finding("packages", Verdict.MISSING, f"not installed: pip install {' '.join(absent)}")
    else:
        yield Finding("packages", Verdict.OK, ", ".join(f"{name} {version}" for name, version in versions.items()))


def _distribution(requirement: str) -> str:
    return next(requirement[:end] for end in range(1, len(requirement) + 1) if not _in_name(requirement[end : end + 1]))


def _in_name(character: str) -> bool:
    return character.isalnum() or (character != "" and character in "-_.")


def _version(distribution: str) -> str | None:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None


def extension() -> Iterator[Finding]:
    """The C extension, and with it a shared segment (memfd) and memory bound to a NUMA node (mbind)."""
    try:
        from sage_local.runtime.memory import segment
    except ImportError as error:
        yield Finding("C extension", Verdict.MISSING, f"{error}: install sage-kernel again with a C compiler present")
        return
    yield Finding("C extension", Verdict.OK, "built for this interpreter")
    try:
        probe = segment.create("sage-check-env", _PROBE_BYTES, numa_node=_first_node())
    except OSError as error:
        yield Finding("memfd", Verdict.MISSING, f"no shared segment can be made: {error}")
        return
    yield Finding("memfd", Verdict.OK, "shared segments can be made and sealed")
    yield mbind(probe.mbind_errno)


def mbind(refusal: int) -> Finding:
    """Whether a segment can be bound to its worker's NUMA node; ``refusal`` is the errno."""
    if refusal == 0:
        return Finding("mbind", Verdict.OK, "segments are bound to the NUMA node of their worker")
    reason = errno.errorcode.get(refusal, str(refusal))
    return Finding("mbind", Verdict.NOTE, f"refused ({reason}): segments lie where the kernel first puts them")


def _first_node() -> int:
    return read_topology().nodes[0].id


def pidfd() -> Finding:
    """Descriptors of processes, by which the death of a worker is noticed."""
    try:
        os.close(os.pidfd_open(os.getpid()))
    except OSError as error:
        return Finding("pidfd", Verdict.MISSING, f"pidfd_open fails: {error}")
    return Finding("pidfd", Verdict.OK, "the death of a worker is noticed at once")


def cpus() -> Finding:
    """How many CPUs workers can be pinned to, and whether a container takes time away from them."""
    topology = read_topology()
    threads = sum(len(core.cpus) for node in topology.nodes for core in node.cores)
    cores = sum(len(node.cores) for node in topology.nodes)
    found = f"{threads} of {os.cpu_count()} may be used, on {cores} {'core' if cores == 1 else 'cores'}"
    if topology.quota is not None and topology.quota < threads:
        return Finding("CPUs", Verdict.NOTE, f"{found}; the container's limit is {topology.quota:g} CPUs' time")
    return Finding("CPUs", Verdict.OK, f"{found}; no time limit")


def numa_nodes() -> Finding:
    """The NUMA nodes and their CPUs."""
    nodes = [f"{node.id} ({sum(len(core.cpus) for core in node.cores)} CPUs)" for node in read_topology().nodes]
    return Finding("NUMA nodes", Verdict.OK, ", ".join(nodes))


def memory(root: Path = Path("/")) -> Finding:
    """The machine's memory and the container's limit."""
    machine = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    limit = memory_limit_bytes(root)
    if limit is None or limit >= machine:
        return Finding("memory", Verdict.OK, f"{machine / 2**30:.1f} GiB; no limit by a container")
    return Finding(
        "memory", Verdict.OK, f"{limit / 2**30:.1f} GiB by the container's limit, of {machine / 2**30:.1f} GiB"
    )


def optional_packages() -> Iterator[Finding]:
    """What is installed of the optional distributions, and how to install the rest."""
    for name, use in OPTIONAL.items():
        version = _version(name)
        if version is None:
            yield Finding(name, Verdict.OPTIONAL, f"for {use}: pip install {name}")
        else:
            yield Finding(name, Verdict.OK, f"{version}, for {use}")
