"""The edges between chains: to whom records go, and whether they are taken in turns."""

from sage_local.core.ids import ChainId, EdgeId, NodeId
from sage_local.plan.graph import Exchange, Input, LogicalGraph
from sage_local.plan.physical import Chain, Delivery, Edge, SideTag


def connect(graph: LogicalGraph, chains: tuple[Chain, ...], chain_of: dict[NodeId, ChainId]) -> tuple[Edge, ...]:
    """Every edge of the plan; ``graph`` and ``chains`` are in topological order."""
    edges: list[Edge] = []
    by_id = {node.id: node for node in graph.nodes}
    # A single subtask numbers what it emits; more keep turns only by answering those of an ordered input.
    ordered = {chain.id for chain in chains if chain.parallelism == 1}
    for node in graph.nodes:
        target = chain_of[node.id]
        incoming = [source for source in node.inputs if chain_of[source.node] != target or source.tag is not None]
        for source in incoming:
            sender = chains[chain_of[source.node]]
            delivery = _delivery(source, sender, chains[target])
            keeps_order = source.exchange is not Exchange.REBALANCE and len(node.inputs) == 1 and sender.id in ordered
            in_turns = keeps_order and _needs_turns(delivery, sender, chains[target])
            tag = None if source.tag is None else SideTag(by_id[source.node].operator.name, source.tag)
            edges.append(
                Edge(EdgeId(len(edges)), sender.id, target, delivery, in_turns, source.key_selector, source.index, tag)
            )
            if in_turns and delivery in (Delivery.DEAL, Delivery.FORWARD):
                ordered.add(target)
    return tuple(edges)


def _delivery(source: Input, sender: Chain, receiver: Chain) -> Delivery:
    if source.exchange is Exchange.HASH:
        return Delivery.HASH
    if source.exchange is Exchange.BROADCAST:
        return Delivery.BROADCAST
    if source.exchange is Exchange.AUTO and sender.parallelism == receiver.parallelism:
        return Delivery.FORWARD
    return Delivery.DEAL


def _needs_turns(delivery: Delivery, sender: Chain, receiver: Chain) -> bool:
    """A single sender's frames are in order by themselves, unless several receivers have to answer in order."""
    if delivery in (Delivery.HASH, Delivery.BROADCAST):
        return sender.parallelism > 1
    return sender.parallelism > 1 or receiver.parallelism > 1
