"""Sinks: the end of a stream."""

from typing import Any, Generic, TypeVar

from sage_local.functions.function import Function

T_contra = TypeVar("T_contra", contravariant=True)
H = TypeVar("H")


class SinkFunction(Function, Generic[T_contra]):
    """Takes records out of the job. Override ``write`` or ``invoke``. At-least-once: a restart may repeat records.

    One with ``write_batch(batch)`` is handed the record batches of a column stream whole; for such streams alone it
    needs neither of the others.
    """

    def write(self, value: T_contra, /) -> None:
        """Called with each record, in order. The job has not finished before the last call has returned."""
        raise NotImplementedError(f"{type(self).__name__} overrides neither write() nor invoke()")

    def invoke(self, value: T_contra, /) -> None:
        """Another spelling of ``write``."""
        raise NotImplementedError(f"{type(self).__name__} overrides neither write() nor invoke()")


class TwoPhaseCommitSink(SinkFunction[T_contra], Generic[T_contra, H]):
    """Takes records out of the job exactly once, however often it restarts. Override what follows and ``write``.

    Records written since the last ``prepare`` are a transaction. With a checkpoint's barrier comes ``prepare``, whose
    handle travels in the checkpoint; when that is complete comes ``commit``, and nobody may see the records before.
    Each subtask has transactions of its own. The order of calls in one execution::

        open, commit of what the restored checkpoint had prepared, recover,
        write …, prepare, write …, commit, …, end, prepare, commit, close

    An execution that dies takes with it what it had written since its last complete checkpoint: the records come again
    in the next one. Without checkpoints there is a single transaction, prepared and committed at the end of input.
    ``sage_local.testing.check_two_phase_sink`` holds a sink to all of this.
    """

    def prepare(self, checkpoint: int, /) -> H | None:
        """End the transaction at hand: from now on it must survive the death of this process.

        Returns a picklable handle that another instance in another process can commit it by; ``None`` when there is
        nothing to commit. What is written from now on belongs to the next transaction. An ``OSError`` (a full disk, a
        lost connection) aborts the checkpoint, not the job: the transaction is then still at hand.
        """
        raise NotImplementedError(f"{type(self).__name__} does not override prepare()")

    def commit(self, handle: H, /) -> None:
        """Make a prepared transaction visible. In the order of the ``prepare`` calls.

        Idempotent: after a crash nobody knows whether it was done, so it is called again, perhaps by an instance that
        never prepared anything and perhaps long after the first time. What it raises fails the job: giving up here
        would lose records.
        """
        raise NotImplementedError(f"{type(self).__name__} does not override commit()")

    def abort(self, handle: H, /) -> None:
        """Drop a prepared transaction whose checkpoint will never be complete. Idempotent.

        Called when an execution ends in order (a cancel, a failure elsewhere). A process that is killed aborts nothing:
        what it leaves behind must stay invisible, and is removed in ``recover``.
        """
        raise NotImplementedError(f"{type(self).__name__} does not override abort()")

    def end(self) -> None:
        """No record follows, at the end of input or at a stop; one more ``prepare`` and ``commit`` do."""

    def snapshot(self) -> Any:
        """What ``recover`` of a later execution needs beside the handles; picklable. Called right after ``prepare``."""
        return None

    def recover(self, state: Any, /) -> None:
        """Called once, before the first ``write``, with what ``snapshot`` gave; ``None`` without a checkpoint.

        The place to remove what earlier executions of this subtask left: every transaction not committed by now.
        """
