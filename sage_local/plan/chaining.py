"""Which operators run as one task: neighbours joined by a forward edge become one chain."""

from collections import Counter

from sage_local.core.ids import ChainId, NodeId
from sage_local.plan.graph import Exchange, LogicalGraph, Node
from sage_local.plan.physical import Chain


def chain(graph: LogicalGraph) -> tuple[tuple[Chain, ...], dict[NodeId, ChainId]]:
    """The chains of ``graph`` (parallelism resolved), in topological order, and the chain of every node."""
    by_id = {node.id: node for node in graph.nodes}
    # Side outputs leave from the middle of a chain, so they do not keep anybody from joining it.
    consumers = Counter(source.node for node in graph.nodes for source in node.inputs if source.tag is None)
    runs: list[list[Node]] = []
    chain_of: dict[NodeId, ChainId] = {}
    for node in graph.nodes:
        if _joins_its_input(node, by_id, consumers):
            chain_of[node.id] = chain_of[node.inputs[0].node]
            runs[chain_of[node.id]].append(node)
        else:
            chain_of[node.id] = ChainId(len(runs))
            runs.append([node])
    return tuple(_chain(ChainId(i), run) for i, run in enumerate(runs)), chain_of


def _joins_its_input(node: Node, by_id: dict[NodeId, Node], consumers: Counter[NodeId]) -> bool:
    if len(node.inputs) != 1:
        return False
    source = node.inputs[0]
    if source.tag is not None or consumers[source.node] != 1:
        return False
    upstream = by_id[source.node]
    if (upstream.parallelism, upstream.slot_group) != (node.parallelism, node.slot_group):
        return False
    # With one subtask on either side, a keyed exchange has nowhere else to send a record.
    return source.exchange is Exchange.AUTO or (source.exchange is Exchange.HASH and node.parallelism == 1)


def _chain(chain_id: ChainId, run: list[Node]) -> Chain:
    first = run[0]
    assert first.parallelism is not None
    assert first.slot_group is not None
    return Chain(chain_id, tuple(node.operator for node in run), first.parallelism, first.slot_group)
