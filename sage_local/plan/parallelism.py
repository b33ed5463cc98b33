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
    leaders = _leaders(graph)
    for node in graph.nodes:
        if node.id in leaders:
            source = resolved[leaders[node.id]]
            node = replace(node, parallelism=source.parallelism, slot_group=source.slot_group)
        resolved[node.id] = _resolve(node, settings)
    return replace(graph, nodes=tuple(resolved.values()))


def _leaders(graph: LogicalGraph) -> dict[NodeId, NodeId]:
    """The source that each node is to be chained to: those which give records their event time, and what is between.

    Only there the splits are seen apart; and what a single source emits in order gets its watermarks in that order, so
    which records are late does not depend on the parallelism. What stands between a source of one split and its event
    time is not held to one subtask: frames that are dealt in turn have no second split to be mixed with.
    """
    nodes = {node.id: node for node in graph.nodes}
    leaders: dict[NodeId, NodeId] = {}
    for node in graph.nodes:
        if isinstance(node.operator, AssignTimestamps):
            *path, source = _to_source(node, nodes)
            if isinstance(source.operator, Source) and (len(path) == 1 or len(source.operator.splits or ()) > 1):
                leaders |= {follower.id: source.id for follower in path}
    return leaders


def _to_source(node: Node, nodes: dict[NodeId, Node]) -> list[Node]:
    """``node`` and what is in front of it, up to the first that it can not be chained to or that is a source."""
    path = [node]
    while node.parallelism is None and len(node.inputs) == 1 and node.inputs[0].exchange is Exchange.AUTO:
        node = nodes[node.inputs[0].node]
        path.append(node)
    return path


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
