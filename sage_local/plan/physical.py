"""The physical plan: operator chains, the edges between them, and the worker of every task."""

from collections.abc import Callable, Iterator
from enum import Enum
from typing import Any, NamedTuple

from sage_local.config import Settings
from sage_local.core.data import data
from sage_local.core.ids import ChainId, ChannelId, EdgeId, TaskId, WorkerId
from sage_local.plan.operators import Operator


class Delivery(Enum):
    """Which subtask of the target a sender hands its records to."""

    FORWARD = "forward"
    """Subtask i to subtask i."""
    DEAL = "deal"
    """Whole frames in turn: turn t goes to subtask t mod parallelism."""
    HASH = "hash"
    """By the key group of each record's key."""
    BROADCAST = "broadcast"
    """Every record to every subtask."""


@data
class Chain:
    """Operators joined by forward edges, run as one task per subtask."""

    id: ChainId
    operators: tuple[Operator, ...]
    parallelism: int
    slot_group: str

    @property
    def name(self) -> str:
        """The operators' names, in order."""
        return " → ".join(operator.name for operator in self.operators)


class SideTag(NamedTuple):
    """A side output: of which operator, by its name, and the name of its tag."""

    operator: str
    tag: str


@data
class Edge:
    """A stream between two chains.

    ``in_turns``: every sender answers each turn with exactly one run of frames (see ``docs/architecture.md``, Order),
    and the receiver takes channel ``t mod senders`` at turn t. Otherwise frames are taken as they arrive.
    ``tag``: the side output that it carries, of any operator of the source chain; ``None``: the last one's main output.
    ``same_time``: besides ``in_turns``, all senders pass on the same watermarks of one subtask further up, each between
    the same two turns. So the first to come by any channel is in its right place; to wait for the others would let
    late records pass for timely ones, and how many would depend on the parallelism. ``is_columnar``: batches of columns
    pass; known without the operators, which the coordinator does not have.
    """

    id: EdgeId
    source: ChainId
    target: ChainId
    delivery: Delivery
    in_turns: bool
    key_selector: Callable[[Any], Any] | None = None
    input_index: int = 0
    tag: SideTag | None = None
    same_time: bool = False
    is_columnar: bool = False


@data
class Plan:
    """Everything that is decided before a process starts. Pickled by value (cloudpickle) to coordinator and workers."""

    job_name: str
    chains: tuple[Chain, ...]
    edges: tuple[Edge, ...]
    workers: int
    placement: dict[TaskId, WorkerId]
    settings: Settings

    def channels(self, edge: Edge) -> Iterator[ChannelId]:
        """Every channel of ``edge``, by sender and then receiver."""
        senders = self.chains[edge.source].parallelism
        receivers = self.chains[edge.target].parallelism
        for source in range(senders):
            targets = [source] if edge.delivery is Delivery.FORWARD else range(receivers)
            for target in targets:
                yield ChannelId(edge.id, source, target)

    def ends(self, channel: ChannelId) -> tuple[WorkerId, WorkerId]:
        """The workers of a channel's sender and receiver."""
        edge = self.edges[channel.edge]
        return (
            self.placement[TaskId(edge.source, channel.source)],
            self.placement[TaskId(edge.target, channel.target)],
        )
