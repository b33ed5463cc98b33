"""Filters and projections that a source can do itself while it reads, and columns that nobody needs.

A source takes part that has ``reading(columns)`` and ``filtering(filter)`` (see ``connectors.parquet``), in computing
columns if it has ``computing(columns, operator)`` too (see ``connectors.arrow``). What it does itself is no operator
any more; ``explain`` shows it with the source, and what goes wrong there is still blamed on the operator.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from sage_local.core.ids import NodeId
from sage_local.plan.graph import Exchange, Node
from sage_local.plan.operators import Operator, Source


def push_down(nodes: Sequence[Node]) -> list[Node]:
    """``nodes``, each after its inputs, with what sources can do done by them."""
    if not any(isinstance(node.operator, Source) and hasattr(node.operator.source, "filtering") for node in nodes):
        return list(nodes)
    return _Pushing(nodes).result()


class _Pushing:
    def __init__(self, nodes: Sequence[Node]) -> None:
        self._nodes = {node.id: node for node in nodes}
        self._uses = Counter(source.node for node in nodes for source in node.inputs)
        self._next = {source.node: node.id for node in nodes for source in node.inputs}

    def result(self) -> list[Node]:
        """The nodes that are left."""
        for node in list(self._nodes.values()):
            if isinstance(node.operator, Source) and hasattr(node.operator.source, "filtering"):
                self._push(node.id)
        return list(self._nodes.values())

    def _push(self, at: NodeId) -> None:
        while (follower := self._next_in_chain(at)) is not None and self._absorbs(at, follower):
            self._remove(follower, at)
        if follower is not None and self._computes(at, follower):
            self._remove(follower, at)
        source = self._source(at)
        schema = source.schema
        needed = self._needed(at, schema)
        if needed is not None and not set(needed) >= set(schema.names):
            kept = [name for name in schema.names if name in needed]
            # Records without any column can not be counted.
            self._replace_source(at, source.reading(kept or schema.names[:1]))

    def _absorbs(self, at: NodeId, follower: Node) -> bool:
        from sage_local.functions.pushed import PushedFilter
        from sage_local.plan.columns import FilterColumns, SelectColumns

        source = self._source(at)
        match follower.operator:
            case FilterColumns(on_error="fail", name=name, expression=expression) if (
                filtering := source.filtering(PushedFilter(name, expression))
            ) is not None:
                self._replace_source(at, filtering)
            case SelectColumns(on_error="fail", keeps_others=False, columns=columns) if all(
                expression is None for _, expression in columns
            ):
                self._replace_source(at, source.reading([name for name, _ in columns]))
            case _:
                return False
        return True

    def _computes(self, at: NodeId, follower: Node) -> bool:
        """The last that a source does: what follows refers to what is computed, and filters of a scan can not."""
        from sage_local.plan.columns import SelectColumns

        source, select = self._source(at), follower.operator
        if not isinstance(select, SelectColumns) or select.on_error != "fail" or not hasattr(source, "computing"):
            return False
        computed = dict(select.columns)
        names = dict.fromkeys([*source.schema.names, *computed] if select.keeps_others else computed)
        self._replace_source(at, source.computing([(name, computed.get(name)) for name in names], select.name))
        return True

    def _remove(self, node: Node, before: NodeId) -> None:
        del self._nodes[node.id]
        for other in list(self._nodes.values()):
            if any(source.node == node.id for source in other.inputs):
                inputs = tuple(
                    replace(source, node=before) if source.node == node.id else source for source in other.inputs
                )
                self._nodes[other.id] = replace(other, inputs=inputs)
        self._uses[before] = self._uses.pop(node.id, 0)
        if node.id in self._next:
            self._next[before] = self._next.pop(node.id)

    def _only_follower(self, at: NodeId) -> Node | None:
        if self._uses[at] != 1:
            return None
        follower = self._nodes[self._next[at]]
        return follower if len(follower.inputs) == 1 and follower.inputs[0].tag is None else None

    def _next_in_chain(self, at: NodeId) -> Node | None:
        """The only follower, unless its records go elsewhere first."""
        follower = self._only_follower(at)
        if follower is None or follower.inputs[0].exchange is not Exchange.AUTO or follower.parallelism is not None:
            return None
        return follower

    def _needed(self, at: NodeId, schema: Any) -> set[str] | None:
        """The columns of ``schema`` that are looked at behind ``at``; ``None``: all."""
        follower = self._only_follower(at)
        if follower is None:
            return None
        return self._needed_by(follower, schema)

    def _needed_by(self, node: Node, schema: Any) -> set[str] | None:
        from sage_local.functions.expressions import referenced
        from sage_local.plan import columns as specs

        match node.operator:
            case specs.FilterColumns(expression=expression):
                return _both(self._needed(node.id, schema), referenced(expression, schema))
            case specs.SelectColumns(columns=columns, keeps_others=False):
                return _read_by(columns, schema)
            case specs.AssignColumnTimestamps(strategy=strategy):
                return _both(self._needed(node.id, schema), [strategy.assigner])
            case specs.ColumnAggregation() as aggregation:
                return _of_aggregation(aggregation)
            case _:
                return None

    def _source(self, at: NodeId) -> Any:
        operator: Operator = self._nodes[at].operator
        assert isinstance(operator, Source)
        return operator.source

    def _replace_source(self, at: NodeId, source: Any) -> None:
        node = self._nodes[at]
        assert isinstance(node.operator, Source)
        self._nodes[at] = replace(node, operator=replace(node.operator, source=source))


def _both(needed: set[str] | None, more: Sequence[str]) -> set[str] | None:
    return None if needed is None else needed | set(more)


def _read_by(columns: Sequence[tuple[str, Any]], schema: Any) -> set[str]:
    from sage_local.functions.expressions import referenced

    needed = {name for name, expression in columns if expression is None}
    return needed.union(*(referenced(expression, schema) for _, expression in columns if expression is not None))


def _of_aggregation(aggregation: Any) -> set[str]:
    needed = {*aggregation.keys, *(each.column for each in aggregation.aggregates if each.function != "size")}
    time_column = getattr(aggregation, "time_column", None)
    return needed if time_column is None else needed | {time_column}
