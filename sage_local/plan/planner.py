"""The planner: logical graph in, physical plan out, nothing touched."""

from sage_local.config import RUNTIME_MODE, RuntimeMode, Settings
from sage_local.core.ids import TaskId, WorkerId
from sage_local.errors import PlanError
from sage_local.plan.chaining import chain
from sage_local.plan.combine import add_combiners
from sage_local.plan.exchange import connect
from sage_local.plan.graph import LogicalGraph
from sage_local.plan.keys import carry_keys
from sage_local.plan.operators import Source
from sage_local.plan.parallelism import resolve
from sage_local.plan.physical import Chain, Plan


def plan(graph: LogicalGraph, settings: Settings) -> Plan:
    """Decide chains, edges and workers for ``graph``. Raises ``PlanError`` for a program that can not run."""
    _validate(graph, settings)
    resolved = carry_keys(add_combiners(resolve(graph, settings), settings))
    chains, chain_of = chain(resolved)
    placement = place(chains)
    return Plan(
        job_name=graph.job_name,
        chains=chains,
        edges=connect(resolved, chains, chain_of),
        workers=len(set(placement.values())),
        placement=placement,
        settings=settings,
    )


def place(chains: tuple[Chain, ...]) -> dict[TaskId, WorkerId]:
    """The worker of each task: subtask i of every chain of a slot group shares the group's i-th worker."""
    widths: dict[str, int] = {}
    for each in chains:
        widths[each.slot_group] = max(widths.get(each.slot_group, 0), each.parallelism)
    first: dict[str, int] = {}
    for group in widths:
        first[group] = sum(widths[other] for other in first)
    return {
        TaskId(each.id, subtask): WorkerId(first[each.slot_group] + subtask)
        for each in chains
        for subtask in range(each.parallelism)
    }


def _validate(graph: LogicalGraph, settings: Settings) -> None:
    if not graph.nodes:
        raise PlanError(f"job {graph.job_name!r} has no operators: add a source and a sink before submit()")
    if settings[RUNTIME_MODE] is RuntimeMode.BATCH:
        for node in graph.nodes:
            if isinstance(node.operator, Source) and not node.operator.source.bounded:
                raise PlanError(
                    f"execution.runtime-mode=batch needs bounded sources; {node.operator.name!r} has no end:"
                    " use execution.runtime-mode=streaming"
                )
