"""Where everything lies in every worker's segment: a pure function of the plan, so no offsets are ever sent."""

from dataclasses import dataclass

from sage_local.core.ids import ChannelId, WorkerId
from sage_local.plan.physical import Plan


@dataclass(frozen=True, slots=True)
class RingPlace:
    """A ring in a segment; ``capacity`` is its data bytes, a power of two."""

    offset: int
    capacity: int


@dataclass(frozen=True, slots=True)
class SegmentLayout:
    """One segment: doorbell, control ring(s), the rings its owner consumes, and the owner's counters.

    ``control``: for a worker the ring from the coordinator under ``COORDINATOR``; for the coordinator's own
    segment one ring per worker. ``counters_offset`` .. ``+ 8 * counters_count``: int64 counters, one writer.
    """

    size: int
    doorbell_offset: int
    control: dict[WorkerId, RingPlace]
    rings: dict[ChannelId, RingPlace]
    counters_offset: int
    counters_count: int


def lay_out(plan: Plan) -> dict[WorkerId, SegmentLayout]:
    """The layout of every worker's segment and, under ``COORDINATOR``, of the coordinator's."""
    raise RuntimeError("being written")
