"""What is known of a task at a checkpoint: the state of its operators, and once written the files that hold it."""

from dataclasses import dataclass, field

from sage_local.core.ids import TaskId


@dataclass(frozen=True, slots=True)
class OperatorSnapshot:
    """The state of one operator in one task.

    ``keyed``: chunks by key group; all there is, or what changed since the snapshot before. ``unkeyed``: what belongs
    to the subtask as a whole (split positions, watermarks, transactions), pickled, always all of it. ``states`` counts
    the entries of each state by name: for people.
    """

    operator: str
    keyed: dict[int, bytes] = field(default_factory=dict)
    unkeyed: bytes | None = None
    states: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class FileRef:
    """A state file and what it must be like; ``path`` is relative to the job's checkpoint directory."""

    path: str
    size: int
    crc32: int


@dataclass(frozen=True, slots=True)
class OperatorSummary:
    """Of one operator in one task, for people: entries by state, and the bytes of its latest snapshot."""

    operator: str
    states: dict[str, int]
    size: int


@dataclass(frozen=True, slots=True)
class TaskSnapshot:
    """A task at a checkpoint, durable. ``files`` are applied in order: one with everything, then what changed since.

    ``is_finished``: the task had come to its end; restored, it does nothing but commit what its sinks had prepared.
    """

    task: TaskId
    files: tuple[FileRef, ...]
    operators: tuple[OperatorSummary, ...]
    is_finished: bool = False
