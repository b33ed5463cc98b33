"""Local combiners: aggregate what is at hand before the exchange, so that less has to travel.

Only for functions that can merge accumulators; of rows where nobody sees the intermediate updates: in batch mode, and
in windows of event time that fire once. It is also what takes care of a hot key: each sender combines its share of it.
"""

from collections.abc import Callable
from dataclasses import replace

from sage_local.config import RUNTIME_MODE, RuntimeMode, Settings
from sage_local.core.ids import NodeId
from sage_local.functions.multi import can_merge
from sage_local.plan.graph import Exchange, Input, LogicalGraph, Node
from sage_local.plan.operators import (
    Aggregate,
    AssignTimestamps,
    MergeAggregate,
    Operator,
    PartialAggregate,
    PartialWindow,
    Source,
    Window,
)

Combiner = Callable[[str, Input], Operator]
"""Makes the operator in front of an exchange, given its name and what the exchange was of."""


def add_combiners(graph: LogicalGraph, settings: Settings) -> LogicalGraph:
    """``graph`` (parallelism resolved) with every aggregation that allows it split in two around its exchange."""
    by_id = {node.id: node for node in graph.nodes}
    next_id = max(by_id, default=0) + 1
    nodes: list[Node] = []
    for node in graph.nodes:
        split = _split(node, by_id, settings) if _is_exchanged(node, by_id) else None
        if split is None:
            nodes.append(node)
            continue
        combiner, behind, selects = split
        combiners = [
            _in_front(node, source, by_id[source.node], NodeId(next_id + index), combiner)
            for index, source in enumerate(node.inputs)
        ]
        next_id += len(combiners)
        # No key selector on the inputs where all that a combiner sends carries its keys.
        inputs = tuple(
            Input(each.id, Exchange.HASH, source.key_selector if selects else None)
            for each, source in zip(combiners, node.inputs, strict=True)
        )
        nodes += [*combiners, replace(node, operator=behind, inputs=inputs)]
    return replace(graph, nodes=tuple(nodes))


def _is_exchanged(node: Node, by_id: dict[NodeId, Node]) -> bool:
    if not node.inputs or any(source.exchange is not Exchange.HASH for source in node.inputs):
        # Partitioned further up: its records are where they belong, and carry their keys.
        return False
    senders = sum(by_id[source.node].parallelism or 1 for source in node.inputs)
    return (node.parallelism or 1) * senders > 1


def _split(node: Node, by_id: dict[NodeId, Node], settings: Settings) -> tuple[Combiner, Operator, bool] | None:
    """The combiner, what it leaves to do, and whether a key selector is still needed in between."""
    operator = node.operator
    if operator.is_columnar:
        return _split_columns(operator)
    # What ``on_error`` diverts comes out of the operator that the program names, with its record.
    if operator.on_error != "fail":
        return None
    if isinstance(operator, Window) and (node.parallelism or 1) > 1 and _is_combinable(operator):
        return _split_window(operator, by_id)
    if isinstance(operator, Aggregate) and settings[RUNTIME_MODE] is RuntimeMode.BATCH and can_merge(operator.function):
        return _split_aggregate(operator)
    return None


def _split_columns(aggregation: Operator) -> tuple[Combiner, Operator, bool] | None:
    """Vectorised aggregates are combined batch by batch, which holds nothing back: so in streaming mode too."""
    from sage_local.plan.columns import ColumnAggregation, CombineColumns

    if not isinstance(aggregation, ColumnAggregation):
        return None
    behind = replace(aggregation, is_combined=True)
    return (lambda name, of: CombineColumns(name=name, aggregation=aggregation)), behind, True


def _split_aggregate(aggregate: Aggregate) -> tuple[Combiner, Operator, bool]:
    function = aggregate.function
    behind = MergeAggregate(name=aggregate.name, key_selector=aggregate.key_selector, function=function)
    return (
        (lambda name, of: PartialAggregate(name=name, key_selector=of.key_selector, function=function)),
        behind,
        False,
    )


def _split_window(window: Window, by_id: dict[NodeId, Node]) -> tuple[Combiner, Operator, bool]:
    def combiner(name: str, of: Input) -> Operator:
        holds = _has_own_time(by_id[of.node], by_id)
        return PartialWindow(name=name, key_selector=of.key_selector, window=window, holds=holds)

    return combiner, window, True


def _has_own_time(node: Node, by_id: dict[NodeId, Node]) -> bool:
    """Whether no other subtask passes on the same watermarks: see ``Edge.same_time``, of which this is the cause."""
    if (node.parallelism or 1) == 1:
        return True
    while not isinstance(node.operator, AssignTimestamps | Source) and len(node.inputs) == 1:
        (source,) = node.inputs
        upstream = by_id[source.node]
        if source.exchange is not Exchange.AUTO:
            return True
        if upstream.parallelism != node.parallelism:
            return (upstream.parallelism or 1) > 1
        node = upstream
    return True


def _is_combinable(window: Window) -> bool:
    """Whether every window fires once, by event time, and what comes too late need not be told apart."""
    from sage_local.core.time_domain import TimeDomain
    from sage_local.windowing.assigners import SlidingWindows, TumblingWindows

    assigner = window.assigner
    if not isinstance(assigner, TumblingWindows | SlidingWindows) or assigner.domain is not TimeDomain.EVENT:
        return False
    merges = window.aggregate is not None and can_merge(window.aggregate)
    return merges and window.fires_once and window.late_tag is None


def _in_front(node: Node, source: Input, upstream: Node, node_id: NodeId, combiner: Combiner) -> Node:
    of_input = "" if len(node.inputs) == 1 else f" {upstream.operator.name}"
    operator = combiner(f"{node.operator.name} (combine{of_input})", source)
    own_input = Input(source.node, tag=source.tag)
    return Node(node_id, operator, (own_input,), upstream.parallelism, upstream.slot_group)
