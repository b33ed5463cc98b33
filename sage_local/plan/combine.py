"""Local combiners: aggregate what is at hand before the exchange, so that less has to travel.

Only in batch mode, where nobody sees the intermediate updates, and only for functions that can merge accumulators.
"""

from dataclasses import replace

from sage_local.config import RUNTIME_MODE, RuntimeMode, Settings
from sage_local.core.ids import NodeId
from sage_local.functions import AggregateFunction
from sage_local.plan.graph import Exchange, Input, LogicalGraph, Node
from sage_local.plan.operators import Aggregate, MergeAggregate, PartialAggregate


def add_combiners(graph: LogicalGraph, settings: Settings) -> LogicalGraph:
    """``graph`` (parallelism resolved) with every aggregation that allows it split in two around its exchange."""
    if settings[RUNTIME_MODE] is not RuntimeMode.BATCH:
        return graph
    by_id = {node.id: node for node in graph.nodes}
    next_id = max(by_id, default=0) + 1
    nodes: list[Node] = []
    for node in graph.nodes:
        if not _is_combinable(node, by_id):
            nodes.append(node)
            continue
        partials = [_partial(node, source, NodeId(next_id + i), by_id) for i, source in enumerate(node.inputs)]
        next_id += len(partials)
        nodes += [*partials, _merge(node, partials)]
    return replace(graph, nodes=tuple(nodes))


def _is_combinable(node: Node, by_id: dict[NodeId, Node]) -> bool:
    if not isinstance(node.operator, Aggregate) or not can_merge(node.operator.function):
        return False
    if any(source.exchange is not Exchange.HASH for source in node.inputs):
        # Partitioned further up: its records are where they belong, and carry their keys.
        return False
    senders = sum(by_id[source.node].parallelism or 1 for source in node.inputs)
    return (node.parallelism or 1) * senders > 1


def can_merge(function: AggregateFunction) -> bool:  # type: ignore[type-arg]  # any element, accumulator and result
    """Whether the function overrides ``merge``."""
    return type(function).merge is not AggregateFunction.merge


def _partial(node: Node, source: Input, node_id: NodeId, by_id: dict[NodeId, Node]) -> Node:
    aggregate = node.operator
    assert isinstance(aggregate, Aggregate)
    upstream = by_id[source.node]
    of_input = "" if len(node.inputs) == 1 else f" {upstream.operator.name}"
    name = f"{aggregate.name} (combine{of_input})"
    operator = PartialAggregate(name=name, key_selector=source.key_selector, function=aggregate.function)
    own_input = Input(source.node)
    return Node(node_id, operator, (own_input,), upstream.parallelism, upstream.slot_group)


def _merge(node: Node, partials: list[Node]) -> Node:
    aggregate = node.operator
    assert isinstance(aggregate, Aggregate)
    operator = MergeAggregate(name=aggregate.name, key_selector=aggregate.key_selector, function=aggregate.function)
    # No key selector on the inputs: what a combiner sends carries its keys.
    inputs = tuple(Input(partial.id, Exchange.HASH) for partial in partials)
    return replace(node, operator=operator, inputs=inputs)
