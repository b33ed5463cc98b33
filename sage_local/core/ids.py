"""Names of things in a job. An id has a type, so that a worker can not be handed where a chain is meant."""

from typing import NamedTuple, NewType

NodeId = NewType("NodeId", int)
ChainId = NewType("ChainId", int)
EdgeId = NewType("EdgeId", int)
WorkerId = NewType("WorkerId", int)
KeyGroup = NewType("KeyGroup", int)


class TaskId(NamedTuple):
    """One parallel instance (``subtask``) of an operator chain."""

    chain: ChainId
    subtask: int


class ChannelId(NamedTuple):
    """One sender and one receiver of an edge; frames on it keep their order."""

    edge: EdgeId
    source: int
    target: int
