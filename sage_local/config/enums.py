"""The settings that choose between ways of running."""

from enum import Enum


class Engine(Enum):
    """Where operators run."""

    PROCESSES = "processes"
    """In pinned worker processes."""
    INLINE = "inline"
    """All in the calling process, for a debugger."""


class RuntimeMode(Enum):
    """What a rolling aggregate emits."""

    STREAMING = "streaming"
    """Every update."""
    BATCH = "batch"
    """One result per key, at the end of bounded input."""


class StateBackend(Enum):
    """Where keyed state lives."""

    MEMORY = "memory"
    ROCKSDB = "rocksdb"


class Checkpointing(Enum):
    """What a restart may do to a record."""

    NONE = "none"
    AT_LEAST_ONCE = "at_least_once"
    EXACTLY_ONCE = "exactly_once"


class RestartStrategy(Enum):
    """What follows a failure."""

    NONE = "none"
    FIXED_DELAY = "fixed-delay"
    EXPONENTIAL_DELAY = "exponential-delay"
    FAILURE_RATE = "failure-rate"


class LogLevel(Enum):
    """The least severe message that is written."""

    TRACE = "TRACE"
    DEBUG = "DEBUG"
    INFO = "INFO"
    WARNING = "WARNING"
    ERROR = "ERROR"
    CRITICAL = "CRITICAL"
