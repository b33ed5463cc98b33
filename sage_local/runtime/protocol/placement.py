"""Which CPUs each worker is pinned to: a pure decision over a description of the machine."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sage_local.core.data import data
from sage_local.core.ids import WorkerId


@data
class Core:
    """A physical core; ``cpus`` are its hyper-threads that this process may use, in order."""

    cpus: tuple[int, ...]


@data
class NumaNode:
    """A NUMA node with at least one CPU that this process may use."""

    id: int
    cores: tuple[Core, ...]


@data
class Topology:
    """What this process may use of the machine. ``quota``: CPUs' worth of time, ``None`` when unlimited."""

    nodes: tuple[NumaNode, ...]
    quota: float | None = None

    @property
    def cpus(self) -> frozenset[int]:
        """Every CPU that may be used."""
        return frozenset(cpu for node in self.nodes for core in node.cores for cpu in core.cpus)


@data
class Seat:
    """A worker's place: the CPUs it is pinned to, and its NUMA node (``None`` where it may run on several).

    ``may_spin``: whether waiting for a peer by spinning can pay. Never when the peer might need this very CPU, or when
    CPU time is metered.
    """

    cpus: frozenset[int]
    numa_node: int | None
    may_spin: bool


@dataclass(frozen=True, slots=True, order=True)
class _Slot:
    """One CPU that a worker may have, and how good it is to have it: smaller is better in every field."""

    claims: int
    sibling: int
    node_order: int
    core: int
    cpu: int
    node: int = field(compare=False)


def place(
    topology: Topology, workers: int, *, claims: Mapping[int, int] | None = None, most_cpus: int | None = None
) -> dict[WorkerId, Seat]:
    """The seat of every worker.

    Each gets a CPU of its own, physical cores before hyper-threads, on one NUMA node while the workers fit on its
    cores, then on as few as hold them. Workers that take all the CPUs of the machine keep to their node and not to one
    CPU, on which whatever else runs there would be in their way while another is idle. With more workers than CPUs the
    kernel moves them about all of them better than we could. ``claims`` counts how many workers of other jobs sit on a
    CPU: those come last. ``most_cpus`` bounds how many CPUs are used.
    """
    usable = len(topology.cpus) if most_cpus is None else min(most_cpus, len(topology.cpus))
    slots = _in_order(topology, workers, claims or {})[:usable]
    crowded = workers > len(slots)
    metered = topology.quota is not None and topology.quota < workers
    if crowded:
        shared = Seat(frozenset(slot.cpu for slot in slots), _common_node(slots), may_spin=False)
        return {WorkerId(worker): shared for worker in range(workers)}
    seats = slots[:workers]
    fills = len(seats) == len(topology.cpus)
    return {
        WorkerId(worker): Seat(
            frozenset(each.cpu for each in seats if each is slot or (fills and each.node == slot.node)),
            slot.node,
            may_spin=not metered and slot.claims == 0,
        )
        for worker, slot in enumerate(seats)
    }


def _in_order(topology: Topology, workers: int, claims: Mapping[int, int]) -> list[_Slot]:
    order = {node.id: position for position, node in enumerate(_nodes_in_order(topology, workers, claims))}
    return sorted(
        _Slot(claims.get(cpu, 0), sibling, order[node.id], index, cpu, node.id)
        for node in topology.nodes
        for index, core in enumerate(node.cores)
        for sibling, cpu in enumerate(core.cpus)
    )


def _nodes_in_order(topology: Topology, workers: int, claims: Mapping[int, int]) -> Sequence[NumaNode]:
    """First the node with the tightest fit, so that large ones stay free for large jobs; without a fit the largest."""

    def fitness(node: NumaNode) -> tuple[int, int, int]:
        free = sum(not any(claims.get(cpu, 0) for cpu in core.cpus) for core in node.cores)
        return (0, free, node.id) if free >= workers else (1, -free, node.id)

    return sorted(topology.nodes, key=fitness)


def _common_node(slots: Sequence[_Slot]) -> int | None:
    nodes = {slot.node for slot in slots}
    return nodes.pop() if len(nodes) == 1 else None
