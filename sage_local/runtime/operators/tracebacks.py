"""Tracebacks as users want to read them: without the frames of the engine."""

import contextlib
import os
import traceback

import sage_local

_ENGINE = os.path.dirname(sage_local.__file__) + os.sep
_GENERATED = "<sage chain "
_RUNNERS = (
    "<frozen runpy>",
    "<frozen importlib._bootstrap>",
    "<frozen importlib._bootstrap_external>",
    contextlib.__file__,
)
"""What runs a program, a module of it or the end of a ``with``, for Python."""


def user_traceback(error: BaseException) -> str:
    """The traceback as Python prints it, without the frames of the engine."""
    return "".join(without_engine(error).format())


def without_engine(error: BaseException) -> traceback.TracebackException:
    """What Python knows of ``error`` and what led to it, without the frames of the engine."""
    whole = traceback.TracebackException.from_exception(error)
    seen: set[int] = set()
    pending: list[traceback.TracebackException | None] = [whole]
    while pending:
        each = pending.pop()
        if each is None or id(each) in seen:
            continue
        seen.add(id(each))
        each.stack = traceback.StackSummary.from_list([frame for frame in each.stack if not _is_ours(frame.filename)])
        pending += [each.__cause__, each.__context__]
    return whole


def _is_ours(filename: str) -> bool:
    return filename in _RUNNERS or filename.startswith((_ENGINE, _GENERATED))
