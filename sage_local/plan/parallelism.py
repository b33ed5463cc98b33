"""How many subtasks each operator has, and which workers it shares."""

from dataclasses import replace

from sage_local.config import MAX_PARALLELISM, PARALLELISM, Settings
from sage_local.core.ids import NodeId
from sage_local.errors import PlanError
from sage_local.functions import SinkFunction
from sage_local.plan.graph import Exchange, LogicalGraph, Node
from sage_local.plan.operators import AssignTimestamps, Collect, Operator, Print, Sink, Source

DEFAULT_SLOT_GROUP = "default"


def resolve(graph: LogicalGraph, settings: Settings) -> LogicalGraph:
    """``graph`` with a parallelism and a slot group in every node; raises ``PlanError`` for one that can not be."""
    resolved: dict[NodeId, Node] = {}
    for node in graph.nodes:
        source = _timed_source(node, resolved)
        if source is not None:
            node = replace(node, parallelism=source.parallelism, slot_group=source.slot_group)
        resolved[node.id] = _resolve(node, settings)
    return replace(graph, nodes=tuple(resolved.values()))


def _timed_source(node: Node, resolved: dict[NodeId, Node]) -> Node | None:
    """The source that ``node`` is to be chained to since it gives records their event time.

    Only there it sees the splits apart; and what a single source emits in order gets its watermarks in that order, so
    which records are late does not depend on the parallelism.
    """
    if not isinstance(node.operator, AssignTimestamps) or node.parallelism is not None or len(node.inputs) != 1:
        return None
    source = node.inputs[0]
    upstream = resolved[source.node]
    return upstream if source.exchange is Exchange.AUTO and isinstance(upstream.operator, Source) else None


def _resolve(node: Node, settings: Settings) -> Node:
    parallelism = node.parallelism if node.parallelism is not None else _default(node, settings)
    operator = node.operator
    if parallelism < 1:
        raise PlanError(f"parallelism of operator {operator.name!r} must be at least 1, found {parallelism}")
    if parallelism > settings[MAX_PARALLELISM]:
        raise PlanError(
            f"parallelism {parallelism} of operator {operator.name!r} is more than max-parallelism"
            f" ({settings[MAX_PARALLELISM]}): lower it or raise the setting 'max-parallelism'"
        )
    if isinstance(operator, Source):
        parallelism = min(parallelism, max(1, len(operator.splits))) if operator.splits is not None else 1
    if isinstance(operator, Collect):
        parallelism = 1
    return replace(node, parallelism=parallelism, slot_group=node.slot_group or _slot_group(node, settings))


def gathers(operator: Operator) -> bool:
    """Whether one subtask is the default, since users look at the order: ``print``, ``collect``, ``sink(callable)``."""
    if isinstance(operator, Sink):
        return not isinstance(operator.function, SinkFunction)
    return isinstance(operator, Print | Collect)


def _default(node: Node, settings: Settings) -> int:
    return 1 if gathers(node.operator) else settings[PARALLELISM]


def _slot_group(node: Node, settings: Settings) -> str:
    """An operator with a parallelism of its own gets workers of its own; equal ones share, so that they can chain."""
    if node.parallelism is None or node.parallelism == settings[PARALLELISM]:
        return DEFAULT_SLOT_GROUP
    return f"parallelism-{node.parallelism}"
