"""The state of one operator, of one subtask or of all together."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Protocol


class Captured(Protocol):
    """State of one moment, made into chunks piece by piece while records flow on: to its end, or until closed."""

    def advance(self) -> Sequence[tuple[int, bytes]] | None:
        """Do about a millisecond's work; returns what chunks it made, with their key groups. ``None``: all is done."""

    def close(self) -> None:
        """Nobody needs it any more."""


@dataclass(frozen=True, slots=True)
class StateSnapshot:
    """``key_groups``: chunks of keyed state by key group, each list in the order in which it is to be put back.

    ``subtasks``: the operator state of each subtask that had any; with ``is_of_one_subtask`` of the very one that it is
    restored in, which takes all of it. ``entries`` counts, for people, what is in each state.
    """

    key_groups: dict[int, list[bytes]] = field(default_factory=dict)
    subtasks: list[bytes] = field(default_factory=list)
    is_of_one_subtask: bool = False
    entries: dict[str, int] = field(default_factory=dict)
    capture: Captured | None = None
    """What else there is of the keyed state: to come, in pieces."""
    is_delta: bool = False
    """The keyed state is what has changed since the snapshot before."""

    @staticmethod
    def joined(parts: "Iterable[StateSnapshot]") -> "StateSnapshot":
        """What all subtasks had, whatever their number."""
        whole = StateSnapshot()
        for part in parts:
            for group, chunks in part.key_groups.items():
                whole.key_groups.setdefault(group, []).extend(chunks)
            whole.subtasks.extend(part.subtasks)
        return whole


def owned_key_groups(subtask: int, parallelism: int, max_parallelism: int) -> range:
    """The key groups of one subtask: those that ``codec.keys.partition`` sends to it."""
    first = -(-subtask * max_parallelism // parallelism)
    return range(first, -(-(subtask + 1) * max_parallelism // parallelism))
