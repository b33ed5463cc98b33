"""Logical graphs in one line each, for the tests of the planner."""

from collections.abc import Callable
from typing import Any

from sage_local.core.ids import NodeId
from sage_local.functions import SourceFunction
from sage_local.plan.graph import Exchange, Input, LogicalGraph, Node
from sage_local.plan.operators import Aggregate, Collect, Filter, Map, Operator, Print, Source


def identity(value: Any) -> Any:
    return value


class Program:
    """A growing graph; every method returns the id of the node it added."""

    def __init__(self) -> None:
        self.nodes: list[Node] = []

    def graph(self) -> LogicalGraph:
        return LogicalGraph("test", tuple(self.nodes))

    def add(
        self, operator: Operator, *inputs: Input, parallelism: int | None = None, slot_group: str | None = None
    ) -> NodeId:
        node_id = NodeId(len(self.nodes) + 1)
        self.nodes.append(Node(node_id, operator, inputs, parallelism, slot_group))
        return node_id

    def source(self, splits: int | None = 1, *, bounded: bool = True) -> NodeId:
        source: SourceFunction[Any] = SourceFunction()
        source.bounded = bounded
        named = None if splits is None else tuple(range(splits))
        return self.add(Source(name=f"source {len(self.nodes)}", source=source, splits=named))

    def map(self, *upstream: NodeId, exchange: Exchange = Exchange.AUTO, parallelism: int | None = None) -> NodeId:
        operator = Map(name=f"map {len(self.nodes)}", function=identity)
        selector = identity if exchange is Exchange.HASH else None
        return self.add(operator, *(Input(node, exchange, selector) for node in upstream), parallelism=parallelism)

    def filter(self, upstream: NodeId) -> NodeId:
        return self.add(Filter(name=f"filter {len(self.nodes)}", function=identity), Input(upstream))

    def aggregate(self, function: Any, *upstream: NodeId, key: Callable[[Any], Any] = identity) -> NodeId:
        operator = Aggregate(name="count", function=function, key_selector=key)
        return self.add(operator, *(Input(node, Exchange.HASH, key) for node in upstream))

    def print(self, *upstream: NodeId) -> NodeId:
        return self.add(Print(name=f"print {len(self.nodes)}", prefix=""), *map(Input, upstream))

    def collect(self, *upstream: NodeId) -> NodeId:
        return self.add(Collect(name=f"collect {len(self.nodes)}"), *map(Input, upstream))
