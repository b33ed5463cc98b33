"""Where everything lies in every worker's segment: a pure function of the plan, so no offsets are ever sent.

The first bytes are the same in every segment, so that a worker finds its doorbell and its control rings before it
knows the plan::

    DOORBELL_OFFSET    doorbell of the owner
    CONTROL_OFFSET     a worker's: one ring from the coordinator
                       the coordinator's: one ring from each worker, by worker id
    counters           int64, written by the owner alone
    data rings         page-aligned, by channel
"""

from sage_local.config import RING_MAX_BYTES, RING_MIN_BYTES
from sage_local.core.data import data
from sage_local.core.ids import ChannelId, TaskId, WorkerId
from sage_local.plan.physical import Plan
from sage_local.runtime.memory.budget import ring_share_bytes
from sage_local.runtime.native import ARENA_HEADER_BYTES, RING_HEADER_BYTES
from sage_local.runtime.protocol.messages import COORDINATOR

PAGE_BYTES = 4096
DOORBELL_OFFSET = 0
CONTROL_OFFSET = PAGE_BYTES
CONTROL_CAPACITY = 64 * 1024
"""Commands are few; a deployment larger than this travels in fragments."""
REPORT_CAPACITY = 256 * 1024
"""From a worker to the coordinator: larger, because collected records pass here."""
MIN_CAPACITY = 1024
"""The smallest ring that native accepts."""
MIN_SHARED_CAPACITY = 16 * 1024
"""Of less, half would be an arena that little fits into."""
COUNTERS_PER_WORKER = 16
COUNTERS_PER_OPERATOR = 16
"""Two cache lines, so that no two operators share one."""


@data
class RingPlace:
    """A ring in a segment, and the arena behind it; ``capacity`` and ``arena`` are their data bytes, powers of two."""

    offset: int
    capacity: int
    arena: int = 0

    @property
    def end(self) -> int:
        """The first byte behind the ring, on a page of its own."""
        arena = ARENA_HEADER_BYTES + self.arena if self.arena else 0
        return _page_up(self.offset + RING_HEADER_BYTES + self.capacity + arena)


@data
class SegmentLayout:
    """One segment: control ring(s), the rings its owner consumes, and the owner's counters.

    ``control``: for a worker the ring from the coordinator under ``COORDINATOR``; for the coordinator's own segment
    one ring per worker. ``counters_offset`` .. ``+ 8 * counters_count``: int64 counters, one writer;
    ``COUNTERS_PER_WORKER`` of them are the worker's own, then ``COUNTERS_PER_OPERATOR`` for each of
    ``counted_operators``.
    """

    size: int
    control: dict[WorkerId, RingPlace]
    rings: dict[ChannelId, RingPlace]
    counters_offset: int
    counters_count: int


def command_ring() -> RingPlace:
    """The ring from the coordinator in every worker's segment."""
    return RingPlace(CONTROL_OFFSET, CONTROL_CAPACITY)


def report_ring(worker: int) -> RingPlace:
    """The ring from ``worker`` in the coordinator's segment."""
    stride = RingPlace(CONTROL_OFFSET, REPORT_CAPACITY).end - CONTROL_OFFSET
    return RingPlace(CONTROL_OFFSET + worker * stride, REPORT_CAPACITY)


def counted_operators(plan: Plan, worker: WorkerId) -> list[tuple[TaskId, int]]:
    """The operator (by task and place in its chain) of each block of counters in ``worker``'s segment, in order."""
    return [
        (task, index)
        for task in sorted(task for task, place in plan.placement.items() if place == worker)
        for index in range(len(plan.chains[task.chain].operators))
    ]


def ring_capacity(plan: Plan, rings: int) -> int:
    """Data bytes of each ring: its share of the memory budget within the settings' bounds, a power of two."""
    share = ring_share_bytes(plan.settings, plan.workers) // max(rings, 1)
    wanted = min(max(share, plan.settings[RING_MIN_BYTES], MIN_CAPACITY), plan.settings[RING_MAX_BYTES])
    return 1 << (wanted.bit_length() - 1)


def exchanged_channels(plan: Plan) -> list[ChannelId]:
    """The channels that leave a worker and so need a ring; inside a worker objects are handed over."""
    return [
        channel
        for edge in plan.edges
        for channel in plan.channels(edge)
        if plan.ends(channel)[0] != plan.ends(channel)[1]
    ]


def lay_out(plan: Plan) -> dict[WorkerId, SegmentLayout]:
    """The layout of every worker's segment and, under ``COORDINATOR``, of the coordinator's."""
    exchanged = exchanged_channels(plan)
    capacity = ring_capacity(plan, len(exchanged))
    consumed: dict[WorkerId, list[ChannelId]] = {WorkerId(worker): [] for worker in range(plan.workers)}
    for channel in exchanged:
        consumed[plan.ends(channel)[1]].append(channel)
    layouts = {worker: _worker_layout(plan, worker, channels, capacity) for worker, channels in consumed.items()}
    layouts[COORDINATOR] = _coordinator_layout(plan)
    return layouts


def _worker_layout(plan: Plan, worker: WorkerId, consumed: list[ChannelId], capacity: int) -> SegmentLayout:
    control = command_ring()
    counters = COUNTERS_PER_WORKER + COUNTERS_PER_OPERATOR * len(counted_operators(plan, worker))
    offset = _page_up(control.end + 8 * counters)
    rings = {}
    for channel in consumed:
        rings[channel] = _data_ring(plan, channel, offset, capacity)
        offset = rings[channel].end
    return SegmentLayout(offset, {COORDINATOR: control}, rings, control.end, counters)


def _data_ring(plan: Plan, channel: ChannelId, offset: int, capacity: int) -> RingPlace:
    """Where columns pass, half of the room is an arena: what receivers keep lies there, what moves has the ring."""
    if capacity < MIN_SHARED_CAPACITY or not plan.edges[channel.edge].is_columnar:
        return RingPlace(offset, capacity)
    return RingPlace(offset, capacity // 2, capacity // 2)


def _coordinator_layout(plan: Plan) -> SegmentLayout:
    control = {WorkerId(worker): report_ring(WorkerId(worker)) for worker in range(plan.workers)}
    end = report_ring(plan.workers).offset
    return SegmentLayout(end, control, {}, end, 0)


def _page_up(size: int) -> int:
    return -(-size // PAGE_BYTES) * PAGE_BYTES
