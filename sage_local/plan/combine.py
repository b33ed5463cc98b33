"""Local combiners: aggregate what is at hand before the exchange, so that less has to travel.

Of rows only in batch mode, where nobody sees the intermediate updates, and only for functions that can merge
accumulators.
"""

from dataclasses import replace

from sage_local.config import RUNTIME_MODE, RuntimeMode, Settings
from sage_local.core.ids import NodeId
from sage_local.functions.multi import can_merge
from sage_local.plan.graph import Exchange, Input, LogicalGraph, Node
from sage_local.plan.operators import Aggregate, MergeAggregate, PartialAggregate


def add_combiners(graph: LogicalGraph, settings: Settings) -> LogicalGraph:
    """``graph`` (parallelism resolved) with every aggregation that allows it split in two around its exchange."""
    is_batch = settings[RUNTIME_MODE] is RuntimeMode.BATCH
    if not is_batch and not any(node.operator.is_columnar for node in graph.nodes):
        return graph
    by_id = {node.id: node for node in graph.nodes}
    next_id = max(by_id, default=0) + 1
    nodes: list[Node] = []
    for node in graph.nodes:
        if node.operator.is_columnar and _is_exchanged(node, by_id):
            combined = _combined_columns(node, next_id, by_id)
        elif is_batch and _is_combinable(node, by_id):
            partials = [_partial(node, source, NodeId(next_id + i), by_id) for i, source in enumerate(node.inputs)]
            combined = [*partials, _merge(node, partials)]
        else:
            combined = [node]
        nodes += combined
        next_id += len(combined) - 1
    return replace(graph, nodes=tuple(nodes))


def _is_combinable(node: Node, by_id: dict[NodeId, Node]) -> bool:
    aggregate = node.operator
    if not isinstance(aggregate, Aggregate) or not can_merge(aggregate.function):
        return False
    # What ``on_error`` diverts comes out of the operator that the program names, with its record.
    return aggregate.on_error == "fail" and _is_exchanged(node, by_id)


def _is_exchanged(node: Node, by_id: dict[NodeId, Node]) -> bool:
    if any(source.exchange is not Exchange.HASH for source in node.inputs):
        # Partitioned further up: its records are where they belong, and carry their keys.
        return False
    senders = sum(by_id[source.node].parallelism or 1 for source in node.inputs)
    return (node.parallelism or 1) * senders > 1


def _combined_columns(node: Node, next_id: int, by_id: dict[NodeId, Node]) -> list[Node]:
    """Vectorised aggregates are combined batch by batch, which holds nothing back: so in streaming mode too."""
    from sage_local.plan.columns import ColumnAggregation, CombineColumns

    aggregation = node.operator
    if not isinstance(aggregation, ColumnAggregation):
        return [node]
    partials = []
    for index, source in enumerate(node.inputs):
        upstream = by_id[source.node]
        of_input = "" if len(node.inputs) == 1 else f" {upstream.operator.name}"
        operator = CombineColumns(name=f"{aggregation.name} (combine{of_input})", aggregation=aggregation)
        own_input = Input(source.node)
        partials.append(
            Node(NodeId(next_id + index), operator, (own_input,), upstream.parallelism, upstream.slot_group)
        )
    inputs = tuple(
        Input(partial.id, Exchange.HASH, source.key_selector)
        for partial, source in zip(partials, node.inputs, strict=True)
    )
    return [*partials, replace(node, operator=replace(aggregation, is_combined=True), inputs=inputs)]


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
