from collections.abc import Callable
from pathlib import Path

import pytest

from sage_local.core.ids import WorkerId
from sage_local.errors import ConfigError
from sage_local.runtime.protocol.placement import Core, NumaNode, place
from sage_local.runtime.scheduler.topology import parse_cpu_list, read_topology

Machine = Callable[[str], Path]


def test_a_laptop_has_one_node_whose_cores_have_two_hyper_threads(machine: Machine) -> None:
    topology = read_topology(machine("laptop"))
    assert topology.nodes == (NumaNode(0, (Core((0, 4)), Core((1, 5)), Core((2, 6)), Core((3, 7)))),)
    assert topology.quota is None


def test_a_server_with_two_sockets_has_two_nodes(machine: Machine) -> None:
    topology = read_topology(machine("server"))
    assert [(node.id, len(node.cores)) for node in topology.nodes] == [(0, 8), (1, 8)]
    assert topology.nodes[1].cores[0] == Core((8, 24))


def test_a_container_has_its_own_cpus_only_and_its_quota(machine: Machine) -> None:
    topology = read_topology(machine("container"))
    assert topology.nodes == (NumaNode(0, (Core((2, 3)), Core((4,)))),)
    assert topology.quota == 2.5


def test_three_workers_in_a_container_with_three_cpus(machine: Machine) -> None:
    """All of them are taken; two and a half CPUs' worth of time for three: no spinning."""
    seats = place(read_topology(machine("container")), 3)
    assert [sorted(seats[WorkerId(worker)].cpus) for worker in range(3)] == [[2, 3, 4]] * 3
    assert not seats[WorkerId(0)].may_spin


def test_a_machine_that_shows_no_nodes_is_one(machine: Machine) -> None:
    topology = read_topology(machine("container_v1"))
    assert [node.id for node in topology.nodes] == [0]
    assert topology.cpus == frozenset(range(4))
    assert topology.quota == 1.5


def test_a_cpu_that_is_allowed_but_offline_is_not_used(machine: Machine) -> None:
    assert read_topology(machine("laptop"), allowed=frozenset({3, 99})).cpus == {3}


def test_no_usable_cpu_is_an_error(machine: Machine) -> None:
    with pytest.raises(ConfigError, match=r"none of the allowed CPUs \[99\] is online"):
        read_topology(machine("laptop"), allowed=frozenset({99}))


def test_this_machine_can_be_read() -> None:
    assert read_topology().cpus


@pytest.mark.parametrize(("text", "cpus"), [("0-3,8,10-11\n", {0, 1, 2, 3, 8, 10, 11}), ("5", {5}), ("\n", set())])
def test_the_kernels_cpu_lists(text: str, cpus: set[int]) -> None:
    assert parse_cpu_list(text) == cpus
