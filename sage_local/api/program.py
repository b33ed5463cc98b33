"""The program that an environment and its streams build together."""

import threading
from collections.abc import Iterable
from dataclasses import replace
from typing import NoReturn

from sage_local.api.names import UniqueNames
from sage_local.config import Layer
from sage_local.core.ids import NodeId
from sage_local.errors import PlanError
from sage_local.plan.graph import Input, LogicalGraph, Node
from sage_local.plan.operators import Operator, Print, Sink, Source
from sage_local.plan.pushdown import push_down


class StaysHere:
    """Base of what belongs to a program: it means something only in the process that builds it."""

    __slots__ = ()

    def __reduce__(self) -> NoReturn:
        raise TypeError(
            f"a {type(self).__name__} stays in the process that made it; a function that runs a job makes its own"
            " environment"
        )


class Program:
    """Every operator declared so far. Grows only; running it changes nothing, so it can be run again.

    Streams of one environment may be built and submitted from several threads.
    """

    def __init__(self, job_name: str, config: Layer) -> None:
        self.job_name = job_name
        self.config = config
        self._nodes: list[Node] = []
        self._read_tags: dict[NodeId, frozenset[str]] = {}
        self._lock = threading.Lock()

    def add(self, operator: Operator, inputs: tuple[Input, ...] = (), parallelism: int | None = None) -> Node:
        """Declare an operator that reads from ``inputs``."""
        with self._lock:
            node = Node(NodeId(len(self._nodes)), operator, inputs, parallelism)
            self._nodes.append(node)
            return node

    def operator(self, node: NodeId) -> Operator:
        """The operator declared as ``node``."""
        return self._nodes[node].operator

    def has(self, kind: type[Operator], inputs: Iterable[Input]) -> bool:
        """Whether every way from a source to ``inputs`` passes an operator of ``kind``."""
        seen: dict[NodeId, bool] = {}
        # A node is declared after its inputs, so each answer is there when it is asked for.
        for node in self._nodes:
            through = [seen[source.node] for source in node.inputs]
            seen[node.id] = isinstance(node.operator, kind) or (bool(through) and all(through))
        return all(seen[source.node] for source in inputs)

    def read_side(self, node: NodeId, tag: str) -> Input:
        """The side output ``tag`` of an operator, from now on known to be read."""
        with self._lock:
            self._read_tags[node] = self._read_tags.get(node, frozenset()) | {tag}
        return Input(node, tag=tag)

    def configure(self, layer: Layer) -> None:
        """Add to the settings given as ``config=``; a later value wins."""
        with self._lock:
            self.config = {**self.config, **layer}

    def sinks(self) -> set[NodeId]:
        """Every declared sink."""
        return {node.id for node in self._nodes if isinstance(node.operator, Sink | Print)}

    def sinks_of(self, starts: Iterable[NodeId]) -> set[NodeId]:
        """The sinks that ``starts`` are or feed, directly or through other operators."""
        reached = set(starts)
        for node in self._nodes:
            if any(source.node in reached for source in node.inputs):
                reached.add(node.id)
        return reached & self.sinks()

    def graph(self, sinks: set[NodeId], extra: Node | None = None) -> LogicalGraph:
        """What has to run for ``sinks``, and for ``extra``, a sink that is no part of the program.

        Splits of sources are named here, in the caller's process, so that a missing file is an error before any process
        starts. Raises ``PlanError`` when there is nothing to run.
        """
        if not sinks and extra is None:
            raise PlanError(
                f"job {self.job_name!r} has nothing to run: no sink is declared for it;"
                " end a stream with sink(...) or print(), or call its collect()"
            )
        nodes = push_down(self._upstream(sinks, extra))
        names = UniqueNames()
        return LogicalGraph(self.job_name, tuple(replace(node, operator=self._ready(node, names)) for node in nodes))

    def _ready(self, node: Node, names: UniqueNames) -> Operator:
        operator = _ready(node.operator, names)
        read = self._read_tags.get(node.id)
        return operator if read is None else replace(operator, read_tags=read)

    def _upstream(self, sinks: set[NodeId], extra: Node | None) -> list[Node]:
        """``sinks``, ``extra`` and all that feeds them, each after what it reads from."""
        wanted = set(sinks)
        nodes = [] if extra is None else [extra]
        if extra is not None:
            wanted.update(source.node for source in extra.inputs)
        # A node is declared after its inputs, so one pass from the end finds all.
        for node in reversed(self._nodes):
            if node.id in wanted:
                wanted.update(source.node for source in node.inputs)
                nodes.append(node)
        nodes.reverse()
        return nodes


def _ready(operator: Operator, names: UniqueNames) -> Operator:
    operator = replace(operator, name=names.claim(operator.name))
    if not isinstance(operator, Source):
        return operator
    splits = operator.source.splits()
    if not isinstance(splits, Iterable | None):
        raise PlanError(
            f"splits() of source {operator.name!r}: expected a sequence of splits or None, found {splits!r}"
        )
    return replace(operator, splits=None if splits is None else tuple(splits))
