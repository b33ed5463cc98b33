"""Keys that travel with records: from ``key_by`` through element-wise operators to the one that needs them.

What a record was keyed by can not be asked of what a ``map`` made of it, so the key is kept beside the record; only
where somebody behind needs it, since that costs time at each step.
"""

from dataclasses import replace

from sage_local.core.ids import NodeId
from sage_local.functions import Function
from sage_local.plan.graph import Exchange, Input, LogicalGraph, Node
from sage_local.plan.operators import Collect, Connected, Filter, FlatMap, Map, Operator, Print, Sink, Source

_ELEMENT_WISE = Map | Filter | FlatMap


def carry_keys(graph: LogicalGraph) -> LogicalGraph:
    """``graph`` with ``keeps_keys`` and ``assigns_keys`` set where it has to be."""
    keeping: set[NodeId] = set()
    for node in reversed(graph.nodes):
        if _needs_keys(node, keeping):
            keeping |= {source.node for source in node.inputs if _is_partitioned(source, node.operator)}
    return replace(graph, nodes=tuple(_marked(node, keeping) for node in graph.nodes))


def may_use_state(operator: Operator) -> bool:
    """Whether the function of an element-wise operator could ask for keyed state."""
    return operator.key_selector is not None and opens(operator)


def opens(operator: Operator) -> bool:
    """Whether the function has an ``open`` of its own, where it could ask for state."""
    function = getattr(operator, "function", None)
    owner = getattr(function, "__self__", function)
    return isinstance(owner, Function) and type(owner).open is not Function.open


def _needs_keys(node: Node, keeping: set[NodeId]) -> bool:
    operator = node.operator
    if isinstance(operator, _ELEMENT_WISE | Sink):
        return node.id in keeping or may_use_state(operator)
    return not isinstance(operator, Source | Print | Collect)


def _is_partitioned(source: Input, operator: Operator) -> bool:
    """Whether what comes by ``source`` was keyed further up."""
    selector = operator.key_selector
    if isinstance(operator, Connected):
        selector = operator.key_selectors[source.index]
    return source.exchange is Exchange.AUTO and source.tag is None and selector is not None


def _marked(node: Node, keeping: set[NodeId]) -> Node:
    operator = node.operator
    if not isinstance(operator, _ELEMENT_WISE | Sink) or not _needs_keys(node, keeping):
        return node
    is_keyed_here = any(source.exchange is Exchange.HASH for source in node.inputs)
    return replace(node, operator=replace(operator, keeps_keys=node.id in keeping, assigns_keys=is_keyed_here))
