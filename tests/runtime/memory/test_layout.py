from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from sage_local.config import Settings
from sage_local.core.ids import ChainId, ChannelId, EdgeId, TaskId, WorkerId
from sage_local.plan.operators import Operator
from sage_local.plan.physical import Chain, Delivery, Edge, Plan
from sage_local.runtime.memory.layout import (
    COUNTERS_PER_OPERATOR,
    COUNTERS_PER_WORKER,
    RingPlace,
    SegmentLayout,
    command_ring,
    counted_operators,
    lay_out,
    report_ring,
    ring_capacity,
)
from sage_local.runtime.protocol.messages import COORDINATOR


def shuffle(workers: int, **config: str) -> Plan:
    """Two chains joined by one exchange, a subtask of each on every worker."""
    chains = tuple(Chain(ChainId(chain), (Operator(name=f"operator {chain}"),), workers, "default") for chain in (0, 1))
    settings = Settings({key.replace("_", "."): value for key, value in config.items()})
    return Plan(
        job_name="shuffle",
        chains=chains,
        edges=(Edge(EdgeId(0), ChainId(0), ChainId(1), Delivery.HASH, in_turns=False),),
        workers=workers,
        placement={TaskId(chain.id, subtask): WorkerId(subtask) for chain in chains for subtask in range(workers)},
        settings=settings,
    )


def places(layout: SegmentLayout) -> list[RingPlace]:
    return sorted([*layout.control.values(), *layout.rings.values()], key=lambda place: place.offset)


@given(st.integers(1, 9))
def test_nothing_in_a_segment_overlaps(workers: int) -> None:
    for layout in lay_out(shuffle(workers)).values():
        rings = places(layout)
        ends = [place.end for place in rings]
        assert all(end <= place.offset for end, place in zip(ends, rings[1:], strict=False))
        assert ends[-1] <= layout.size
        counters = range(layout.counters_offset, layout.counters_offset + 8 * layout.counters_count)
        assert not any(place.offset < counters.stop and counters.start < place.end for place in rings)


def test_a_ring_lies_with_its_reader_and_only_between_workers() -> None:
    layouts = lay_out(shuffle(2))
    assert list(layouts[WorkerId(0)].rings) == [ChannelId(EdgeId(0), 1, 0)]
    assert list(layouts[WorkerId(1)].rings) == [ChannelId(EdgeId(0), 0, 1)]


def test_where_columns_pass_half_of_a_ring_is_an_arena() -> None:
    rows = shuffle(2)
    columns = replace(rows, edges=(replace(rows.edges[0], is_columnar=True),))
    (ring,), (halves,) = (lay_out(plan)[WorkerId(0)].rings.values() for plan in (rows, columns))
    assert (ring.capacity, ring.arena) == (4 * 2**20, 0)
    assert (halves.capacity, halves.arena) == (2 * 2**20, 2 * 2**20)
    assert ring.end == halves.end


def test_control_rings_are_found_without_a_plan() -> None:
    layouts = lay_out(shuffle(3))
    assert layouts[WorkerId(2)].control == {COORDINATOR: command_ring()}
    assert layouts[COORDINATOR].control[WorkerId(2)] == report_ring(WorkerId(2))


def test_rings_share_what_the_budget_gives_them() -> None:
    """At 128 workers and one shuffle with a share of 2 GiB: 128 KiB each."""
    plan = shuffle(128, taskmanager_memory_process_size="64gb")
    assert ring_capacity(plan, 128 * 128) == 128 * 1024


def test_a_ring_is_never_larger_or_smaller_than_set() -> None:
    assert ring_capacity(shuffle(2), 1) == 4 * 2**20
    assert ring_capacity(shuffle(2), 1_000_000) == 64 * 2**10


def test_every_operator_of_a_worker_has_its_counters() -> None:
    plan = shuffle(2)
    assert counted_operators(plan, WorkerId(1)) == [(TaskId(ChainId(0), 1), 0), (TaskId(ChainId(1), 1), 0)]
    assert lay_out(plan)[WorkerId(1)].counters_count == COUNTERS_PER_WORKER + 2 * COUNTERS_PER_OPERATOR
