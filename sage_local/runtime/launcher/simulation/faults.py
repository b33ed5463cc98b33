"""What goes wrong, and where."""

from dataclasses import dataclass, field
from enum import Enum


class Crash(KeyboardInterrupt):
    """The process at hand dies here. Of this kind since that alone passes every handler of user code's exceptions."""


class Fault(Enum):
    """Kinds of faults."""

    WORKER_STARTS_LATE = "a worker takes its time to start"
    WORKER_DIES = "a worker dies between two steps"
    WORKER_IS_STUCK = "a worker is in a call that does not return when it is told to stand by"
    WORKER_DIES_BEFORE_WRITING = "a worker dies before a state file is durable"
    WORKER_DIES_AFTER_WRITING = "a worker dies when a state file is durable"
    WORKER_DIES_AT_RESTORE = "a worker dies while it restores"
    SINK_DIES_BEFORE_PREPARE = "a worker dies before a sink has prepared"
    SINK_DIES_AFTER_PREPARE = "a worker dies between prepare and the snapshot"
    SINK_DIES_BEFORE_COMMIT = "a worker dies before a commit"
    SINK_DIES_AFTER_COMMIT = "a worker dies after a commit"
    PREPARE_FAILS = "a sink can not prepare"
    COMMIT_FAILS = "a sink can not commit"
    COORDINATOR_DIES = "the coordinator dies between two steps"
    COORDINATOR_DIES_BEFORE_MANIFEST = "the coordinator dies before a manifest is durable"
    COORDINATOR_DIES_AFTER_MANIFEST = "the coordinator dies when a manifest is durable"
    COORDINATOR_DIES_AT_RESTORE = "the coordinator dies while it looks for a checkpoint"
    COORDINATOR_DIES_SWEEPING = "the coordinator dies while it deletes old files"
    USER_CODE_FAILS = "an operator raises"
    WRITE_FAILS = "no space left for a state file"
    WRITE_IS_SLOW = "a disk takes its time for a state file"
    MANIFEST_FAILS = "no space left for a manifest"
    DELETE_FAILS = "an old file can not be deleted"
    FILE_TORN = "a durable file loses its end"
    FILE_FLIPPED = "a durable file has a bit flipped"
    FILE_VANISHES = "a durable file is gone"
    ACKNOWLEDGEMENT_LOST = "an acknowledgement is lost"
    ACKNOWLEDGEMENT_SLOW = "an acknowledgement takes its time"
    ACKNOWLEDGEMENT_OVERTAKEN = "an acknowledgement is overtaken by the next"
    ACKNOWLEDGEMENT_REPEATED = "an acknowledgement comes twice"
    CLOCK_JUMPS = "the machine's clock is set"


OFTEN = frozenset(
    {
        Fault.WORKER_DIES,
        Fault.COORDINATOR_DIES,
        Fault.USER_CODE_FAILS,
        Fault.FILE_TORN,
        Fault.FILE_FLIPPED,
        Fault.FILE_VANISHES,
        Fault.CLOCK_JUMPS,
    }
)
"""They can happen at every step; the others where something is started, written, prepared, committed or told."""


RAREST = 100


@dataclass(frozen=True, slots=True)
class Faults:
    """``rate``: the chance of a fault of one of ``kinds`` wherever it can happen; ``most``: per run.

    By the seed it is up to ``RAREST`` times less: frequent faults are all over before the first checkpoint is complete.

    ``aim`` is one more, which strikes once, where the job is in that state (``World.state``): so rare pairs are met.
    """

    rate: float = 0.1
    most: int = 4
    kinds: frozenset[Fault] = field(default_factory=lambda: frozenset(Fault))
    aim: tuple[str, Fault] | None = None


NO_FAULTS = Faults(rate=0.0, most=0)
