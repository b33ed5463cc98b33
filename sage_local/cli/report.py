"""How a failed program is shown: the user's own frames, then what happened, once."""

from collections.abc import Iterable
from typing import TextIO

from sage_local.errors import JobCancelledError, OperatorError, SageError
from sage_local.runtime.job import JobResult
from sage_local.runtime.operators.tracebacks import user_traceback, without_engine

_TRACEBACK = "Traceback (most recent call last):"


def report(error: BaseException, stream: TextIO) -> None:
    """Write what the user needs to know of ``error`` to ``stream``."""
    stream.write(described(error))
    stream.flush()


def results_text(results: Iterable[JobResult]) -> str:
    """Job by job what ``submit`` returned, as JSON."""
    import json  # rarely asked for, and else a part of every job's start
    from dataclasses import asdict

    return json.dumps([asdict(result) for result in results], indent=1) + "\n"


def described(error: BaseException) -> str:
    """The lines to show.

    For an operator's failure the traceback in its worker, then one line that names operator, subtask and record. For
    anything else Python's own traceback without the engine's frames.
    """
    if not isinstance(error, SageError):
        return user_traceback(error)
    head = ""
    if isinstance(error, OperatorError) and error.__cause__ is not None:
        head = f"{_original_traceback(error.__cause__)}\n"
    elif not isinstance(error, JobCancelledError):
        frames = without_engine(error).stack.format()
        head = f"{_TRACEBACK}\n{''.join(frames)}\n" if frames else ""
    notes = "".join(f"{note}\n" for note in getattr(error, "__notes__", ()))
    return f"{head}Error: {error}\n{notes}"


def _original_traceback(cause: BaseException) -> str:
    """Of an exception from another process: its text came with it as the last note."""
    notes = getattr(cause, "__notes__", ())
    if notes and notes[-1].startswith(_TRACEBACK):
        return f"{notes[-1]}\n"
    return user_traceback(cause)
