"""What a figure must be read with."""

import os
import sys
from collections.abc import Mapping
from importlib import metadata
from typing import Any

import psutil

_PACKAGES = ("sage-kernel", "pyarrow", "numpy", "polars", "duckdb")
_IDENTITY = ("cpu", "cpus", "memory_bytes", "kernel", "python")
"""By these two descriptions are of one machine. Memory of a virtual machine varies by some pages between boots."""


def machine() -> dict[str, Any]:
    """Processor, CPUs, memory, kernel, interpreter, packages, and how busy the machine was when asked."""
    return {
        "cpu": _cpu_model(),
        "cpus": len(os.sched_getaffinity(0)),
        "memory_bytes": psutil.virtual_memory().total,
        "kernel": os.uname().release,
        "python": sys.version.split()[0],
        "packages": {name: version for name in _PACKAGES if (version := _version(name)) is not None},
        "load_1m": round(os.getloadavg()[0], 2),
    }


def differences(one: Mapping[str, Any], other: Mapping[str, Any]) -> list[str]:
    """In what two descriptions are not of the same machine, in words; empty when they are."""
    return [
        f"{key}: {one.get(key)} and {other.get(key)}" for key in _IDENTITY if not _alike(one.get(key), other.get(key))
    ]


def _alike(one: object, other: object) -> bool:
    if isinstance(one, int) and isinstance(other, int):
        return abs(one - other) <= 0.01 * max(one, other)
    return one == other


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _cpu_model() -> str:
    with open("/proc/cpuinfo", encoding="utf-8") as lines:
        for line in lines:
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return os.uname().machine
