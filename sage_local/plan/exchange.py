"""The edges between chains: to whom records go, and whether they are taken in turns."""

from sage_local.core.ids import ChainId, EdgeId, NodeId
from sage_local.plan.graph import Exchange, Input, LogicalGraph
from sage_local.plan.operators import AssignTimestamps
from sage_local.plan.physical import Chain, Delivery, Edge, SideTag


def connect(graph: LogicalGraph, chains: tuple[Chain, ...], chain_of: dict[NodeId, ChainId]) -> tuple[Edge, ...]:
    """Every edge of the plan; ``graph`` and ``chains`` are in topological order."""
    edges: list[Edge] = []
    by_id = {node.id: node for node in graph.nodes}
    # A single subtask numbers what it emits; more keep turns only by answering those of an ordered input.
    ordered = {chain.id for chain in chains if chain.parallelism == 1}
    # What is dealt out by a single subtask hears its watermarks in the same order, each in its place among the turns.
    same_time = set(ordered)
    for node in graph.nodes:
        target = chain_of[node.id]
        incoming = [source for source in node.inputs if chain_of[source.node] != target or source.tag is not None]
        for source in incoming:
            sender = chains[chain_of[source.node]]
            delivery = _delivery(source, sender, chains[target])
            keeps_order = source.exchange is not Exchange.REBALANCE and len(node.inputs) == 1 and sender.id in ordered
            in_turns = keeps_order and _needs_turns(delivery, sender, chains[target])
            tag = None if source.tag is None else SideTag(by_id[source.node].operator.name, source.tag)
            edge = Edge(
                id=EdgeId(len(edges)),
                source=sender.id,
                target=target,
                delivery=delivery,
                in_turns=in_turns,
                key_selector=source.key_selector,
                input_index=source.index,
                tag=tag,
                is_columnar=sender.operators[-1].gives_columns,
                same_time=in_turns and sender.id in same_time and not _deals_to_some(delivery, sender, chains[target]),
            )
            edges.append(edge)
            if in_turns and delivery in (Delivery.DEAL, Delivery.FORWARD):
                ordered.add(target)
                if edge.same_time and not _makes_time(chains[target]):
                    same_time.add(target)
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


def _deals_to_some(delivery: Delivery, sender: Chain, receiver: Chain) -> bool:
    """Whether a sender keeps watermarks back for receivers whose turn it is not: only the latest arrives then."""
    return delivery is Delivery.DEAL and sender.parallelism > 1 and receiver.parallelism > 1


def _makes_time(chain: Chain) -> bool:
    """Whether each subtask has watermarks of its own."""
    return any(isinstance(operator, AssignTimestamps) for operator in chain.operators)
