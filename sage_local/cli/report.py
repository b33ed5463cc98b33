"""How a failed program is shown: the user's own frames, then what happened, once."""

import traceback
from collections.abc import Iterable
from pathlib import Path
from typing import TextIO

import sage_local
from sage_local.errors import JobCancelledError, OperatorError, SageError
from sage_local.runtime.job import JobResult

_ENGINE = str(Path(sage_local.__path__[0]))
_GENERATED = "<sage chain "
_RUNNERS = ("<frozen runpy>", "<frozen importlib._bootstrap>", "<frozen importlib._bootstrap_external>")
_TRACEBACK = "Traceback (most recent call last):"


def report(error: BaseException, stream: TextIO) -> None:
    """Write what the user needs to know of ``error`` to ``stream``."""
    stream.write(described(error))
    stream.flush()


def tell_left_out(result: JobResult, stream: TextIO) -> None:
    """Write a closing line for each operator that skipped, diverted or dropped records, so that it is never silent."""
    for operator in result.operators:
        if operator.records_failed:
            stream.write(
                f"operator {operator.name!r}: {operator.records_failed:,} of {operator.records_in:,} records failed and"
                " were skipped or diverted (on_error)\n"
            )
        if operator.records_late:
            stream.write(
                f"operator {operator.name!r}: {operator.records_late:,} of {operator.records_in:,} records came too"
                " late for their windows and were dropped (side_output_late_data() keeps them)\n"
            )
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
        return "".join(_shown(error).format())
    head = ""
    if isinstance(error, OperatorError) and error.__cause__ is not None:
        head = f"{_original_traceback(error.__cause__)}\n"
    elif not isinstance(error, JobCancelledError):
        head = f"{_TRACEBACK}\n{''.join(_shown(error).stack.format())}\n"
    notes = "".join(f"{note}\n" for note in getattr(error, "__notes__", ()))
    return f"{head}Error: {error}\n{notes}"


def _original_traceback(cause: BaseException) -> str:
    """Of an exception from another process: its text came with it as the last note."""
    notes = getattr(cause, "__notes__", ())
    if notes and notes[-1].startswith(_TRACEBACK):
        return f"{notes[-1]}\n"
    return "".join(_shown(cause).format())


def _shown(error: BaseException) -> traceback.TracebackException:
    whole = traceback.TracebackException.from_exception(error)
    _drop_engine_frames(whole, set())
    return whole


def _drop_engine_frames(shown: traceback.TracebackException | None, seen: set[int]) -> None:
    if shown is None or id(shown) in seen:
        return
    seen.add(id(shown))
    shown.stack = traceback.StackSummary.from_list([frame for frame in shown.stack if not _is_engine(frame.filename)])
    _drop_engine_frames(shown.__cause__, seen)
    _drop_engine_frames(shown.__context__, seen)


def _is_engine(filename: str) -> bool:
    return filename in _RUNNERS or filename.startswith((_ENGINE, _GENERATED))
