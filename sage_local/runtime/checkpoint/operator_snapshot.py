"""The state of an operator on its way into or out of a file."""

from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class OperatorSnapshot:
    """The state of one operator in one task.

    ``keyed``: chunks with their key groups, those of a group in order; all there is, or with ``is_delta`` what changed
    since the one before. ``unkeyed``: what belongs to the subtask as a whole (split positions, watermarks,
    transactions), pickled, always all of it.
    ``states`` counts the entries of each state by name: for people.
    """

    operator: str
    keyed: Sequence[tuple[int, bytes]] = ()
    unkeyed: bytes | None = None
    states: dict[str, int] = field(default_factory=dict)
    is_delta: bool = False
