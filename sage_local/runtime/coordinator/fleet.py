"""The workers of a job as the coordinator sees them: their segments, rings, doorbells and processes."""

import os
import signal
from collections.abc import Iterable, Mapping

from sage_local.core.data import data
from sage_local.core.ids import WorkerId
from sage_local.plan.physical import Plan
from sage_local.runtime.control.endpoint import ControlReceiver, ControlSender
from sage_local.runtime.memory import segment as memory
from sage_local.runtime.memory.layout import SegmentLayout
from sage_local.runtime.protocol.client_messages import WorkerLoss
from sage_local.runtime.protocol.messages import COORDINATOR
from sage_local.runtime.protocol.placement import Seat


@data
class Process:
    """A worker's process; ``pidfd`` names it even when its pid is another's by now."""

    pid: int
    pidfd: int


class Worker:
    """One worker: what the coordinator holds of it from its birth to its end."""

    def __init__(self, plan: Plan, worker: WorkerId, layout: SegmentLayout, seat: Seat) -> None:
        self.id = worker
        self.seat = seat
        self.operators = operators_of(plan, worker)
        self._layout = layout
        self.segment = memory.create(f"sage-worker-{worker}", layout.size, seat.numa_node)
        self.doorbell = memory.doorbell(self.segment)
        self.commands = self._new_commands()
        self.counters = self.segment.view(layout.counters_offset, 8 * layout.counters_count).cast("q")
        self.process: Process | None = None

    def _new_commands(self) -> ControlSender:
        place = self._layout.control[COORDINATOR]
        return ControlSender(memory.ring_writer(self.segment, place), self.doorbell.notify)

    def empty(self) -> None:
        """Forget what the execution before has left in the segment."""
        for place in self._layout.rings.values():
            memory.reset_ring(self.segment, place)
        size = 8 * self._layout.counters_count
        self.segment.view(self._layout.counters_offset, size)[:] = bytes(size)

    def replace(self) -> None:
        """Another process takes over the segment."""
        memory.reset_ring(self.segment, self._layout.control[COORDINATOR])
        self.commands = self._new_commands()

    def bury(self) -> None:
        """Its process is gone."""
        if self.process is not None:
            os.close(self.process.pidfd)
            self.process = None

    def kill(self) -> None:
        """SIGKILL, if its process is known and not yet gone."""
        if self.process is not None:
            try:
                signal.pidfd_send_signal(self.process.pidfd, signal.SIGKILL)
            except ProcessLookupError:
                return

    def loss(self, status: int | None) -> WorkerLoss:
        """What to say of its end; ``status`` is negative for a signal and ``None`` when nobody can tell."""
        if status is None:
            return WorkerLoss(self.id, self.operators)
        if status < 0:
            return WorkerLoss(self.id, self.operators, signal=-status)
        return WorkerLoss(self.id, self.operators, exit_code=status)


class Fleet:
    """All workers of a job, and the coordinator's own segment into which they report."""

    def __init__(self, plan: Plan, layouts: Mapping[WorkerId, SegmentLayout], seats: Mapping[WorkerId, Seat]) -> None:
        self.plan = plan
        self.eventfd = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        own = layouts[COORDINATOR]
        self.segment = memory.create("sage-coordinator", own.size, None)
        self.doorbell = memory.doorbell(self.segment, self.eventfd)
        self.workers = {worker: Worker(plan, worker, layouts[worker], seats[worker]) for worker in sorted(seats)}
        self._control = own.control
        self.reports = {worker: self._new_reports(worker) for worker in self.workers}

    def _new_reports(self, worker: WorkerId) -> ControlReceiver:
        reader = memory.ring_reader(self.segment, self._control[worker])
        return ControlReceiver(reader, self.workers[worker].doorbell.notify)

    def renew(self, missing: Iterable[WorkerId]) -> None:
        """Make everything as if it were new, for the next execution; ``missing`` are going to be other processes.

        The others stand by: they are at the ends of their control rings, which stay as they are, and of no other.
        """
        for worker in self.workers.values():
            worker.empty()
        for gone in missing:
            self.workers[gone].replace()
            memory.reset_ring(self.segment, self._control[gone])
            self.reports[gone] = self._new_reports(gone)

    def segment_descriptors(self) -> dict[WorkerId, int]:
        """What each worker inherits: every segment, the coordinator's included."""
        return {COORDINATOR: self.segment.fd} | {worker.id: worker.segment.fd for worker in self.workers.values()}

    def tell(self, message: object, workers: Iterable[WorkerId]) -> None:
        """Put ``message`` into the command ring of each of ``workers``."""
        for worker in workers:
            self.workers[worker].commands.send(message)

    def flush_commands(self) -> None:
        """Go on with commands that found their ring full."""
        for worker in self.workers.values():
            if not worker.commands.idle:
                worker.commands.flush()

    def wake(self, workers: Iterable[WorkerId]) -> None:
        """Wake each of ``workers`` whatever its doorbell says."""
        for worker in workers:
            self.workers[worker].doorbell.wake()


def operators_of(plan: Plan, worker: WorkerId) -> tuple[str, ...]:
    """The names of the operators that have a task on ``worker``, in the order of the program."""
    chains = sorted({task.chain for task, place in plan.placement.items() if place == worker})
    return tuple(operator.name for chain in chains for operator in plan.chains[chain].operators)
