"""What goes wrong, and where."""

from dataclasses import dataclass, field
from enum import Enum


class Crash(KeyboardInterrupt):
    """The process at hand dies here. Of this kind since that alone passes every handler of user code's exceptions."""


class Fault(Enum):
    """Kinds of faults."""

    WORKER_DIES = "a worker dies between two steps"
    WORKER_DIES_BEFORE_WRITING = "a worker dies before a state file is durable"
    WORKER_DIES_AFTER_WRITING = "a worker dies when a state file is durable"
    SINK_DIES_BEFORE_PREPARE = "a worker dies before a sink has prepared"
    SINK_DIES_AFTER_PREPARE = "a worker dies between prepare and the snapshot"
    SINK_DIES_BEFORE_COMMIT = "a worker dies before a commit"
    SINK_DIES_AFTER_COMMIT = "a worker dies after a commit"
    WORKER_DIES_AT_RESTORE = "a worker dies while it restores"
    COORDINATOR_DIES = "the coordinator dies between two steps"
    COORDINATOR_DIES_BEFORE_MANIFEST = "the coordinator dies before a manifest is durable"
    COORDINATOR_DIES_AFTER_MANIFEST = "the coordinator dies when a manifest is durable"
    WRITE_FAILS = "no space left for a state file"
    MANIFEST_FAILS = "no space left for a manifest"
    ACKNOWLEDGEMENT_LOST = "an acknowledgement is lost"
    USER_CODE_FAILS = "an operator raises"


OFTEN = frozenset({Fault.WORKER_DIES, Fault.COORDINATOR_DIES, Fault.USER_CODE_FAILS})
"""They can happen at every step; the others wherever something is written, prepared or committed."""


@dataclass(frozen=True, slots=True)
class Faults:
    """``rate``: the chance of a fault of one of ``kinds`` wherever it can happen; ``most``: per run.

    ``aim`` waits for a state of the checkpoint coordinator for the first fault, so that rare pairs are met too.
    """

    rate: float = 0.1
    most: int = 4
    kinds: frozenset[Fault] = field(default_factory=lambda: frozenset(Fault))
    aim: str | None = None


NO_FAULTS = Faults(rate=0.0, most=0)
