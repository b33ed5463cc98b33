"""A job as its caller holds it."""

import os
import threading
import time
from collections.abc import Callable
from typing import Any

from sage_local.errors import CoordinatorLostError, JobCancelledError, JobError
from sage_local.runtime.control.run_directory import RunDirectory
from sage_local.runtime.job import JobResult, OperatorResult
from sage_local.runtime.launcher.failure import add_last_words, error_of
from sage_local.runtime.launcher.interrupts import interrupts
from sage_local.runtime.launcher.link import Link
from sage_local.runtime.launcher.processes import Processes
from sage_local.runtime.launcher.questions import ALL_KEYS, explained, windows_question
from sage_local.runtime.launcher.receiver import Receiver
from sage_local.runtime.protocol.client_messages import AskProgress, CancelJob, JobFailed, JobFinished, StopJob
from sage_local.runtime.protocol.explanations import WindowExplanation
from sage_local.runtime.protocol.progress import Progress


class JobHandle:
    """A submitted job.

    Attached: whoever calls ``wait`` receives the job's output in that thread, and the job is cancelled when this
    process ends. Detached: a thread of the handle receives it, and the job lives on without us.
    """

    def __init__(
        self,
        name: str,
        directory: RunDirectory,
        processes: Processes,
        link: Link,
        receiver: Receiver,
        *,
        attached: bool,
    ) -> None:
        self.job_id = directory.path.name
        self._name = name
        self._directory = directory
        self._processes = processes
        self._link = link
        self._receiver = receiver
        self._started_s = time.monotonic()
        self._pid = os.getpid()
        self._duration_s = 0.0
        self._exit_code: int | None = None
        self._raised: BaseException | None = None
        self._receiving = threading.Lock()
        self._questions = 0
        self._thread: threading.Thread | None = None
        if not attached:
            self._thread = threading.Thread(target=self._receive_apart, name=f"sage-{self.job_id}", daemon=True)
            self._thread.start()

    def wait(self) -> JobResult:
        """Block until the job has ended; every time it is called, the same result or the same exception.

        Raises ``OperatorError``, ``WorkerLostError``, ``CoordinatorLostError``, ``JobCancelledError``, or
        ``JobError`` where the job could not be started. In the main thread with an attached job: Ctrl-C (or SIGTERM)
        stops the job gracefully, a second one cancels it.
        """
        self._refuse_forked()
        if self._thread is not None:
            self._thread.join()
        else:
            with interrupts(stop=self.stop, cancel=self.cancel), self._receiving:
                self._receive()
        return self._result()

    def stop(self, drain: bool = False) -> None:
        """Ask the sources to end; everything in flight reaches its sink, then the job has finished. Does not wait.

        ``drain``: the streams end for good, as if their input had ended: every window and timer fires. Without it
        windows that are not complete do not fire, so that the job can be resumed from its last checkpoint.
        """
        self._refuse_forked()
        self._link.send(StopJob(drain))

    def cancel(self) -> None:
        """Ask the job to end now; what is in flight is lost. Does not wait; ``wait`` raises ``JobCancelledError``."""
        self._refuse_forked()
        self._link.send(CancelJob())

    def metrics(self) -> Progress:
        """Counts and rates of every operator now; after the end, the last ones."""
        self._refuse_forked()
        before = self._receiver.answers
        self._link.send(AskProgress())
        self._await(lambda: self._receiver.answers > before)
        return self._receiver.progress

    def explain_window(self, operator: str, key: Any = ALL_KEYS) -> WindowExplanation:
        """Why windows of ``operator`` (those with records of ``key``) have not fired; ``print`` shows it in words.

        Raises ``JobError`` where that operator has no windows, and when the job is not running (any more).
        """
        self._refuse_forked()
        self._questions += 1
        question = windows_question(self._questions, operator, key)
        self._link.send(question)
        self._await(lambda: question.question in self._receiver.reports)
        return explained(self.job_id, self._receiver.reports.pop(question.question, None))

    def _await(self, is_answered: Callable[[], bool]) -> None:
        """Until then, or until the end of the job; receive meanwhile, unless another thread does."""
        if self._thread is None and self._receiving.acquire(blocking=False):
            try:
                while not is_answered() and self._link.is_open:
                    self._receive_some()
            finally:
                self._receiving.release()
        else:
            self._receiver.wait_until(is_answered)

    def _refuse_forked(self) -> None:
        """A child of the caller shares its socket: what one of them takes from it the other never gets."""
        if os.getpid() != self._pid:
            raise JobError(
                f"job {self.job_id} was submitted by process {self._pid}, whose fork this is: wait for it there;"
                f" from elsewhere there is `sage stop {self.job_id}`"
            )

    def abandon(self) -> None:
        """The caller can not go on: an attached job is cancelled, and nothing of it is left on return."""
        self._link.close()
        self._exit_code = self._processes.reap()
        self._receiver.end()

    def _receive_apart(self) -> None:
        try:
            self._receive()
        except BaseException as error:  # The edge of a thread: ``wait`` raises it where somebody looks.
            self._raised = error

    def _receive(self) -> None:
        """Until the last reply; then both processes are gone. What a callback raises ends an attached job."""
        if self._receiver.ended:
            return
        try:
            while self._receiver.conclusion is None and self._link.is_open:
                self._receive_some()
            self._duration_s = time.monotonic() - self._started_s
        finally:
            self.abandon()

    def _receive_some(self) -> None:
        for reply in self._link.replies():
            self._receiver.take(reply)

    def _result(self) -> JobResult:
        if self._raised is not None:
            raise self._raised
        match self._receiver.conclusion:
            case JobFinished(progress) as finished:
                operators = tuple(
                    OperatorResult(
                        each.name,
                        each.parallelism,
                        each.records_in,
                        each.records_out,
                        each.records_failed,
                        each.records_late,
                    )
                    for each in progress.operators
                )
                return JobResult(
                    self.job_id,
                    self._name,
                    self._duration_s,
                    operators,
                    finished.checkpoints,
                    finished.restarts,
                    finished.checkpoints_given_up,
                )
            case JobFailed() as failed:
                raise error_of(failed)
            case None:
                raise self._coordinator_lost()
            case _:
                raise JobCancelledError(f"job {self.job_id} was cancelled")

    def _coordinator_lost(self) -> JobError:
        """It could not clean up after itself."""
        code = self._exit_code
        how = "" if code is None else f" with exit code {code}" if code >= 0 else f": killed by signal {-code}"
        error = CoordinatorLostError(f"the coordinator of job {self.job_id} ended unexpectedly{how}")
        add_last_words(error, self._directory.log_dir)
        self._directory.remove()
        return error
