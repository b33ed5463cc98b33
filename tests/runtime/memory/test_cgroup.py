from collections.abc import Callable
from pathlib import Path

from sage_local.runtime.memory.cgroup import cpu_quota, memory_limit_bytes

Machine = Callable[[str], Path]


def test_the_smallest_limit_on_the_way_up_holds(machine: Machine) -> None:
    assert memory_limit_bytes(machine("server")) == 64 * 2**30


def test_a_container_sees_its_group_as_the_root(machine: Machine) -> None:
    root = machine("container")
    assert memory_limit_bytes(root) == 2 * 2**30
    assert cpu_quota(root) == 2.5


def test_version_1_shows_the_hosts_path_in_a_container(machine: Machine) -> None:
    root = machine("container_v1")
    assert memory_limit_bytes(root) == 2**30
    assert cpu_quota(root) == 1.5


def test_no_limit_is_none(machine: Machine) -> None:
    root = machine("laptop")
    assert memory_limit_bytes(root) is None
    assert cpu_quota(root) is None


def test_version_1_writes_no_limit_as_a_very_large_one(machine: Machine) -> None:
    root = machine("container_v1")
    (root / "sys/fs/cgroup/memory/memory.limit_in_bytes").write_text("9223372036854771712\n")
    (root / "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us").write_text("-1\n")
    assert memory_limit_bytes(root) is None
    assert cpu_quota(root) is None
