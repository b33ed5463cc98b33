"""Questions of a caller about a running job."""

import pickle
from typing import Any, Final

from sage_local.errors import JobError
from sage_local.runtime.protocol.client_messages import AskWindows, WindowReport
from sage_local.runtime.protocol.explanations import WindowExplanation


class _AllKeys:
    """Stands for a key where all are meant: ``None`` is a key like any other."""

    def __repr__(self) -> str:
        return "<all keys>"


ALL_KEYS: Final = _AllKeys()


def windows_question(number: int, operator: str, key: Any) -> AskWindows:
    """The question for the windows with records of ``key``. Raises ``TypeError`` where that can not be a key."""
    if key is ALL_KEYS:
        return AskWindows(number, operator)
    hash(key)
    return AskWindows(number, operator, pickle.dumps((key,)), repr(key))


def explained(job_id: str, report: WindowReport | None) -> WindowExplanation:
    """What was answered. Raises ``JobError`` where nothing was, or that it is impossible."""
    if report is None:
        raise JobError(f"job {job_id} has ended: no window waits in it")
    if report.explanation is None:
        raise JobError(f"job {job_id}: {report.problem}")
    return report.explanation
