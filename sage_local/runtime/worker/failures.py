"""What is told of a failure: in the same words inline and across processes."""

import pickle
import reprlib
from typing import Any

from sage_local.errors import OperatorError
from sage_local.runtime.operators.tracebacks import user_traceback
from sage_local.runtime.protocol.blame import NO_RECORD, OperatorFailed
from sage_local.runtime.protocol.messages import Failure
from sage_local.runtime.worker.task import Task

RECORD_CHARS = 200
"""Enough to recognise a record, little enough for one line of a log."""


def failure_of(task: Task, error: BaseException) -> Failure:
    """What the coordinator is told of ``error``, which ended ``task``."""
    failed = _attributed(task, error)
    return Failure(
        operator=failed.operator,
        subtask=task.context.task.subtask,
        parallelism=task.context.parallelism,
        type_name=_type_name(failed.error),
        message=_text(failed.error) or _hint(failed.error),
        record=record_text(failed.record),
        traceback=user_traceback(failed.error),
        exception=_pickled(failed.error),
    )


def operator_error(task: Task, error: BaseException) -> OperatorError:
    """What the caller gets inline, to be raised from its ``__cause__``."""
    failed = _attributed(task, error)
    message = _text(failed.error)
    reason = f"{_type_name(failed.error)}: {message}" if message else _type_name(failed.error)
    raised = OperatorError(
        failed.operator, task.context.task.subtask, task.context.parallelism, record_text(failed.record), reason
    )
    raised.__cause__ = failed.error
    return raised


def record_text(record: Any) -> str | None:
    """A shortened ``repr``; ``None`` where there was no record.

    A ``repr`` that raises is said, and does not hide the failure.
    """
    if record is NO_RECORD:
        return None
    try:
        text = _short.repr(record)
    except BaseException as error:
        text = f"<{type(record).__name__} whose repr() raised {type(error).__name__}>"
    return text if len(text) <= RECORD_CHARS else text[:RECORD_CHARS] + "…"


class _Short(reprlib.Repr):
    """Long containers are cut before they are written out: a record may be a list of millions."""

    def __init__(self) -> None:
        super().__init__()
        self.maxlevel = 6
        self.maxdict = self.maxlist = self.maxtuple = self.maxset = self.maxfrozenset = self.maxdeque = 20
        self.maxstring = self.maxlong = self.maxother = RECORD_CHARS

    def repr_dict(self, x: dict[Any, Any], level: int) -> str:
        # The library's own sorts the keys; a record is recognised more easily as it was written.
        if level <= 0:
            return "{...}"
        shown = [f"{self.repr1(key, level - 1)}: {self.repr1(x[key], level - 1)}" for key in list(x)[: self.maxdict]]
        return "{" + ", ".join([*shown, "..."] if len(x) > self.maxdict else shown) + "}"


_short = _Short()


def _attributed(task: Task, error: BaseException) -> OperatorFailed:
    """An error that no operator was blamed for is the engine's own; it is shown with the task's last operator."""
    return error if isinstance(error, OperatorFailed) else OperatorFailed(task.name, NO_RECORD, error)


def _type_name(error: BaseException) -> str:
    kind = type(error)
    known = kind.__module__ in ("builtins", "__main__", "sage_local.errors")
    return kind.__qualname__ if known else f"{kind.__module__}.{kind.__qualname__}"


def _text(error: BaseException) -> str:
    try:
        return str(error)
    except BaseException as broken:
        return f"<str() of the exception raised {type(broken).__name__}>"


def _hint(error: BaseException) -> str:
    """What ``pdb`` does not say where it reads the end of its input."""
    if type(error).__module__ == "bdb":
        return "a worker has no terminal for a debugger: run inline (--inline, or execution.engine = inline)"
    return ""


def _pickled(error: BaseException) -> bytes | None:
    try:
        body = pickle.dumps(error)
        pickle.loads(body)
    except Exception:  # whatever a user's class raises when it is taken apart and put together
        return None
    return body
