"""Tracebacks as users want to read them: without the frames of the engine."""

import os
import traceback

import sage_local

_PACKAGE = os.path.dirname(sage_local.__file__) + os.sep


def user_traceback(error: BaseException) -> str:
    """The traceback as Python prints it, without the frames of the engine."""
    told = traceback.TracebackException.from_exception(error)
    seen: set[int] = set()
    pending: list[traceback.TracebackException | None] = [told]
    while pending:
        each = pending.pop()
        if each is None or id(each) in seen:
            continue
        seen.add(id(each))
        each.stack = traceback.StackSummary.from_list([frame for frame in each.stack if not _is_ours(frame.filename)])
        pending += [each.__cause__, each.__context__]
    return "".join(told.format())


def _is_ours(filename: str) -> bool:
    return filename.startswith((_PACKAGE, "<sage chain "))
