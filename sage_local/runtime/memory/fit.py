"""Whether a job fits this machine at all: asked before any process of it starts."""

import resource

from sage_local.errors import ConfigError
from sage_local.plan.physical import Delivery, Edge, Plan
from sage_local.runtime.memory.budget import budget_bytes, refuse_too_small
from sage_local.runtime.memory.layout import RingPlace, command_ring, report_ring, ring_capacity

FILES_OF_COORDINATOR = 24
"""Its sockets, log and event loop, and the pipes of a worker that is being born."""
FILES_OF_CALLER = 32
"""For a moment, while the first processes are started."""
FILES_PER_WORKER = 4
"""A segment, two pipes and a pidfd, all in the coordinator."""


def refuse_impossible(plan: Plan) -> None:
    """Raise ``ConfigError`` where memory or open files can not do. Takes no longer for many workers than for few."""
    _refuse_too_many_files(plan.workers)
    refuse_too_small(budget_bytes(plan.settings), shared_bytes(plan), plan.workers)


def shared_bytes(plan: Plan) -> int:
    """The size of all segments together, but for the counters in them."""
    rings = sum(_rings(plan, edge) for edge in plan.edges)
    ring = RingPlace(0, ring_capacity(plan, rings)).end
    return rings * ring + plan.workers * command_ring().end + report_ring(plan.workers).offset


def _rings(plan: Plan, edge: Edge) -> int:
    """How many channels of ``edge`` leave their worker: subtask i of every chain of a slot group is on the same one."""
    source, target = plan.chains[edge.source], plan.chains[edge.target]
    neighbours = min(source.parallelism, target.parallelism) if source.slot_group == target.slot_group else 0
    if edge.delivery is Delivery.FORWARD:
        return source.parallelism - neighbours
    return source.parallelism * target.parallelism - neighbours


def _refuse_too_many_files(workers: int) -> None:
    allowed, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    if allowed != resource.RLIM_INFINITY and allowed < FILES_OF_CALLER:
        raise ConfigError(
            f"the limit of open files is {allowed}, and starting a job needs {FILES_OF_CALLER}: raise it (ulimit -n)"
        )
    needed = FILES_OF_COORDINATOR + FILES_PER_WORKER * workers
    if most != resource.RLIM_INFINITY and needed > most:
        raise ConfigError(
            f"the limit of open files is {most}, and a job with {workers} workers needs {needed} in one process:"
            " raise it (ulimit -n), or lower parallelism"
        )
