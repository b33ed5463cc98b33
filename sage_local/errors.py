"""Every exception the engine raises, in one tree.

::

    SageError
    ├── ConfigError (ValueError)        a setting is unknown, ill-typed or contradicts another
    │   └── NotBuiltError               a setting asks for a guarantee this version does not give
    ├── PlanError (ValueError)          the program is wrong; raised before any process starts
    │   ├── FunctionError (TypeError)   a function does not fit the operator it was given to
    │   ├── TypeMismatchError           the annotations of two neighbours do not fit each other
    │   └── SerializationError          a function or a value can not travel to a worker
    ├── InvalidKeyError (TypeError)     a record's key is of a type that has no canonical form
    ├── StateError (ValueError)         managed state or a timer is described or used wrongly
    ├── CheckpointError                 a checkpoint can not be read or written, or does not fit the program
    ├── JobError                        the job ran and ended badly
    │   ├── OperatorError               user code raised
    │   ├── WorkerLostError             a worker process died
    │   ├── CoordinatorLostError        the coordinator process died
    │   └── JobCancelledError           somebody cancelled the job
    ├── SourceError                     what a source reads is missing, can not be read or is malformed
    ├── SourceStoppedError              you stopped it: a push source emits after the job began to stop
    └── InternalError                   a state that can not be; carries its history

Exceptions cross process boundaries: the arguments of each are its fields, so that it pickles as it is.
"""


class SageError(Exception):
    """Root of everything the engine raises on purpose."""


class ConfigError(SageError, ValueError):
    """A setting is unknown, has a value of the wrong form, or contradicts another setting."""


class NotBuiltError(ConfigError):
    """A setting asks for a guarantee that this version does not give. Raised by ``submit``."""


class PlanError(SageError, ValueError):
    """The program can not be run as written. Raised while it is built or by ``submit``, before any process starts."""


class FunctionError(PlanError, TypeError):
    """What was given to an operator is not a function of the kind the operator calls."""


class TypeMismatchError(PlanError):
    """An annotated function gets records of another type than it names."""


class SerializationError(PlanError):
    """A function, source or value can not be pickled to travel to a worker."""


class InvalidKeyError(SageError, TypeError):
    """A key selector returned a value that has no canonical form (see the Keys guarantee)."""


class StateError(SageError, ValueError):
    """Managed state or a timer is described or used wrongly: outside a keyed stream, two of one name."""


class CheckpointError(SageError):
    """A checkpoint is missing, damaged, in use, of a newer format, or does not fit the program. Names the place."""


class JobError(SageError):
    """The job ran and did not finish."""


class OperatorError(JobError):
    """User code of an operator raised; the original exception is the ``__cause__``.

    ``subtask`` counts from 0; the message counts from 1. ``record`` is a shortened ``repr``, or ``None`` where no
    record was being processed (``open``, ``close``, a source). ``reason`` reads like the last line of a traceback.
    """

    def __init__(self, operator: str, subtask: int, parallelism: int, record: str | None, reason: str) -> None:
        super().__init__(operator, subtask, parallelism, record, reason)
        self.operator = operator
        self.subtask = subtask
        self.parallelism = parallelism
        self.record = record
        self.reason = reason

    def __str__(self) -> str:
        where = f"operator {self.operator!r} (subtask {self.subtask + 1} of {self.parallelism}) failed"
        if self.record is not None:
            where += f" on record {self.record}"
        return f"{where}: {self.reason}"


class WorkerLostError(JobError):
    """A worker process ended without being told to. ``how`` says by which signal or exit code."""

    def __init__(self, worker: int, operators: tuple[str, ...], how: str) -> None:
        super().__init__(worker, operators, how)
        self.worker = worker
        self.operators = operators
        self.how = how

    def __str__(self) -> str:
        hosted = ", ".join(repr(name) for name in self.operators) or "no operator"
        return f"worker {self.worker} ({hosted}) was lost: {self.how}"


class CoordinatorLostError(JobError):
    """The coordinator process ended while the job was running."""


class JobCancelledError(JobError):
    """The job was cancelled; what was in flight is gone."""


class SourceError(SageError):
    """What a source reads is missing, unreadable or malformed. Names the file and, where there is one, the line."""


class SourceStoppedError(SageError):
    """A push source emitted a record after its job began to stop. Let it pass: ``run`` should end."""


class InternalError(SageError):
    """A state that can not be. Please report it with the whole message."""
