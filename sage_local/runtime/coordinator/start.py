"""From a submission to workers on their way, without an event loop.

Loading one takes longer than all of this, and the workers use that time.
"""

from sage_local.config import CPU_CORES
from sage_local.core.data import data
from sage_local.core.ids import WorkerId
from sage_local.runtime.control.run_directory import RunDirectory
from sage_local.runtime.coordinator.fleet import Fleet
from sage_local.runtime.coordinator.zygote_link import ZygoteLink
from sage_local.runtime.memory.layout import lay_out
from sage_local.runtime.protocol.client_messages import Submission
from sage_local.runtime.protocol.messages import Deploy
from sage_local.runtime.protocol.placement import place
from sage_local.runtime.protocol.snapshots import Checkpointing
from sage_local.runtime.protocol.zygote_messages import Adopt
from sage_local.runtime.scheduler.topology import read_topology

Pipes = list[tuple[int, int]]
"""To read standard output and error of each worker that was asked for."""


@data
class Started:
    """Workers that were asked for: they may not exist yet."""

    fleet: Fleet
    pipes: Pipes


def start_workers(
    submission: Submission, zygote: ZygoteLink, directory: RunDirectory, checkpointing: Checkpointing | None
) -> Started:
    """Make the segments, ask the zygote for every worker, and put its deployment into its command ring.

    Raises ``OSError`` where the kernel refuses, ``ZygoteLostError``.
    """
    plan = submission.plan
    layouts = lay_out(plan)
    zygote.adopt(Adopt(submission.sys_path, submission.argv, str(directory.log_dir)))
    with directory.choosing_cpus() as claims:
        seats = place(read_topology(), plan.workers, claims=claims, most_cpus=plan.settings[CPU_CORES])
        directory.take_cpus(cpu for seat in seats.values() for cpu in seat.cpus)
    fleet = Fleet(plan, layouts, seats)
    zygote.share_segments(fleet)
    pipes = _deploy(fleet, frozenset(fleet.workers), submission, zygote, checkpointing, generation=0)
    return Started(fleet, pipes)


def restart_workers(
    fleet: Fleet,
    missing: frozenset[WorkerId],
    submission: Submission,
    zygote: ZygoteLink,
    checkpointing: Checkpointing | None,
    generation: int,
) -> Pipes:
    """New processes in the place of ``missing``, over their segments; the others are deployed to as they are.

    The zygote has everything that workers need in memory, so this takes milliseconds. Raises as ``start_workers``.
    """
    fleet.renew(missing)
    return _deploy(fleet, missing, submission, zygote, checkpointing, generation)


def _deploy(
    fleet: Fleet,
    missing: frozenset[WorkerId],
    submission: Submission,
    zygote: ZygoteLink,
    checkpointing: Checkpointing | None,
    generation: int,
) -> Pipes:
    forked = [fleet.workers[worker] for worker in sorted(missing)]
    pipes = [zygote.fork(worker, fleet.eventfd, generation=generation) for worker in forked]
    fleet.tell(Deploy(submission.deployment, checkpointing), fleet.workers)
    return pipes
