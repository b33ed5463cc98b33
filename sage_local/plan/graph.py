"""The logical graph: what a program says, before anything is decided about how it runs."""

from collections.abc import Callable
from enum import Enum
from typing import Any

from sage_local.core.data import data
from sage_local.core.ids import NodeId
from sage_local.plan.operators import Operator


class Exchange(Enum):
    """How records were asked to reach the next operator."""

    AUTO = "auto"
    """Kept in order; the planner chooses a forward edge or the dealing of whole frames."""
    REBALANCE = "rebalance"
    HASH = "hash"
    BROADCAST = "broadcast"


@data
class Input:
    """One incoming stream of a node: the main output of ``node``, or its side output ``tag``.

    A union is several inputs of the same ``index``.
    """

    node: NodeId
    exchange: Exchange = Exchange.AUTO
    key_selector: Callable[[Any], Any] | None = None
    index: int = 0
    tag: str | None = None


@data
class Node:
    """An operator in its place. ``parallelism`` is ``None`` where the job's default applies."""

    id: NodeId
    operator: Operator
    inputs: tuple[Input, ...] = ()
    parallelism: int | None = None
    slot_group: str | None = None


@data
class LogicalGraph:
    """All nodes of a program, each after the nodes it reads from."""

    job_name: str
    nodes: tuple[Node, ...] = ()
