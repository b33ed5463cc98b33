import pytest

from sage_local import LocalEnvironment
from sage_local.config import Settings
from sage_local.core.ids import ChainId, EdgeId, TaskId, WorkerId
from sage_local.errors import ConfigError
from sage_local.plan.operators import Operator
from sage_local.plan.physical import Chain, Delivery, Edge, Plan
from sage_local.runtime.memory.fit import shared_bytes
from sage_local.runtime.memory.layout import COUNTERS_PER_OPERATOR, COUNTERS_PER_WORKER, lay_out


def plan(senders: int, receivers: int, delivery: Delivery, *, groups: tuple[str, str] = ("a", "a")) -> Plan:
    """Two chains; as the planner does, each slot group has workers of its own."""
    chains = tuple(
        Chain(ChainId(index), (Operator(name=f"operator-{index}"),), parallelism, group)
        for index, (parallelism, group) in enumerate(zip((senders, receivers), groups, strict=True))
    )
    first = {"a": 0, "b": senders}
    placement = {
        TaskId(chain.id, subtask): WorkerId(first[chain.slot_group] + subtask)
        for chain in chains
        for subtask in range(chain.parallelism)
    }
    edge = Edge(EdgeId(0), ChainId(0), ChainId(1), delivery, in_turns=False)
    return Plan("test", chains, (edge,), len(set(placement.values())), placement, Settings({}))


@pytest.mark.parametrize("groups", [("a", "a"), ("a", "b")])
@pytest.mark.parametrize(
    ("senders", "receivers", "delivery"),
    [
        (senders, receivers, delivery)
        for senders in (1, 3)
        for receivers in (1, 3)
        for delivery in Delivery
        if delivery is not Delivery.FORWARD or senders == receivers
    ],
)
def test_the_size_is_that_of_the_layout_without_laying_it_out(senders, receivers, delivery, groups) -> None:
    job = plan(senders, receivers, delivery, groups=groups)
    laid_out = sum(layout.size for layout in lay_out(job).values())
    # Counters, rounded up to a page, are left out.
    counters = 8 * (COUNTERS_PER_WORKER + 2 * COUNTERS_PER_OPERATOR)
    assert laid_out - job.workers * (counters + 4096) <= shared_bytes(job) <= laid_out


def test_ten_thousand_workers_are_refused_at_once() -> None:
    config = {"parallelism": 10_000, "max-parallelism": 32_768, "taskmanager.memory.process.size": "16gb"}
    env = LocalEnvironment(config=config)
    with pytest.raises(ConfigError, match=r"10000 workers need|limit of open files"):
        env.from_collection(range(5)).map(abs).collect()
