"""The exception that the caller of a failed job gets."""

import pickle
import signal
from pathlib import Path

from sage_local.errors import JobError, OperatorError, WorkerLostError
from sage_local.runtime.protocol.client_messages import JobFailed, StartFailure, WorkerLoss
from sage_local.runtime.protocol.messages import Failure

LAST_WORDS = 4000
"""Characters: a traceback and a few lines."""
_FRAME = "\n  File "


class UnpicklableError(Exception):
    """Stands for an exception of user code that could not travel; its text begins with the original type's name."""


def error_of(failed: JobFailed) -> JobError:
    """The exception to raise, its cause set; it says where the logs are, if any."""
    match failed.cause:
        case Failure():
            error: JobError = _operator_error(failed.cause)
        case WorkerLoss(worker, operators):
            error = WorkerLostError(worker, operators, _how(failed.cause))
        case StartFailure(message):
            error = JobError(message)
            add_last_words(error, Path(failed.log_dir))
    if Path(failed.log_dir).is_dir():
        error.add_note(f"logs of the job: {failed.log_dir}")
    return error


def add_last_words(error: BaseException, log_dir: Path) -> None:
    """Note what our own processes wrote to their standard error, if anything."""
    file = log_dir / "stderr.log"
    words = file.read_text(errors="replace").strip() if file.exists() else ""
    if words:
        error.add_note(f"last words of the job's processes:\n{words[-LAST_WORDS:]}")


def _operator_error(failure: Failure) -> OperatorError:
    reason = f"{failure.type_name}: {failure.message}" if failure.message else failure.type_name
    error = OperatorError(failure.operator, failure.subtask, failure.parallelism, failure.record, reason)
    cause = _original(failure)
    if _FRAME in failure.traceback:
        # A traceback can not be pickled; its text stands where Python shows it, as multiprocessing does. Without a
        # frame of the user's (``map(int)``) it says nothing that the exception does not.
        cause.add_note(failure.traceback.rstrip("\n"))
    error.__cause__ = cause
    return error


def _original(failure: Failure) -> BaseException:
    if failure.exception is not None:
        try:
            original = pickle.loads(failure.exception)
        except Exception as error:
            # Unpickling runs the constructor of a user's exception class, which may raise anything: what it raised is
            # said, not lost.
            return UnpicklableError(f"{failure.type_name}: {failure.message} (can not be unpickled here: {error!r})")
        if isinstance(original, BaseException):
            return original
    return UnpicklableError(f"{failure.type_name}: {failure.message}")


def _how(loss: WorkerLoss) -> str:
    if loss.signal is not None:
        name = _signal_name(loss.signal)
        hint = " (as the kernel does when memory runs out)" if loss.signal == signal.SIGKILL else ""
        return f"killed by {name}{hint}"
    if loss.exit_code is not None:
        return f"its process exited with code {loss.exit_code}"
    return "its process is gone, and so is the one that could tell how"


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
