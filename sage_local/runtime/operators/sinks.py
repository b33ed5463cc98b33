"""The ends of streams: sink functions, print, collect."""

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from sage_local.config import Checkpointing, checkpointing_of
from sage_local.core.elements import Columns, Element, Rows
from sage_local.functions import Role
from sage_local.plan import operators as specs
from sage_local.runtime.metrics.table import OperatorCounters
from sage_local.runtime.operators.protocol import TaskContext
from sage_local.runtime.operators.transactions import LATEST, Transactions
from sage_local.runtime.operators.user_function import UserFunction
from sage_local.runtime.protocol.blame import NO_RECORD, blame, record_at


class Sink:
    """Hands the user's function each record, or each batch of columns. One that takes records alone is compiled."""

    def __init__(self, spec: specs.Sink, counters: OperatorCounters) -> None:
        self.name = spec.name
        self.place = counters.place
        self._counters = counters
        self._function = UserFunction(spec.name, spec.function, Role.BATCH_SINK)

    def open(self, context: TaskContext) -> None:
        """Open the function."""
        self._function.open(context)

    def process(self, rows: Rows) -> Iterable[Element]:
        """Nothing comes out."""
        if isinstance(rows, Columns):
            self._write_batch(rows)
            return ()
        write = self._function.call
        records = iter(rows.values)
        try:
            for record in records:
                write(record)
        except BaseException as error:
            blame(self.name, record_at(rows.values, records), error)
        self._counters.took(len(rows.values))
        return ()

    def _write_batch(self, columns: Columns) -> None:
        try:
            self._function.function.write_batch(columns.values)
        except BaseException as error:
            blame(self.name, NO_RECORD, error)
        self._counters.took(len(columns.values))

    def end(self) -> Iterable[Element]:
        """Nothing is kept."""
        return ()

    def close(self) -> None:
        """Close the function."""
        self._function.close()


class TransactionalSink(Sink):
    """Hands each record to a ``TwoPhaseCommitSink``; without checkpoints its one transaction is committed at the end.

    ``prepare`` may raise ``OSError``, which costs the checkpoint and not the job.
    """

    def __init__(self, spec: specs.Sink, counters: OperatorCounters) -> None:
        super().__init__(spec, counters)
        self._transactions = Transactions(spec.function)
        self._restored: bytes | None = None
        self._has_checkpoints = False

    @property
    def waiting(self) -> int:
        """See ``Transactional``."""
        return self._transactions.waiting

    def restore_transactions(self, snapshot: bytes) -> None:
        """See ``Transactional``."""
        self._restored = snapshot

    def open(self, context: TaskContext) -> None:
        """Open the sink, commit what the restored checkpoint had prepared, let the sink clean up."""
        self._has_checkpoints = checkpointing_of(context.settings) is not Checkpointing.NONE
        super().open(context)
        with self._blamed():
            self._transactions.recover(self._restored)

    def prepare(self, checkpoint: int) -> bytes:
        """See ``Transactional``."""
        try:
            return self._transactions.prepare(checkpoint)
        except OSError:
            raise
        except BaseException as error:
            blame(self.name, NO_RECORD, error)

    def end_records(self) -> None:
        """See ``Transactional``."""
        with self._blamed():
            self._transactions.end_records()

    def prepare_last(self, next_checkpoint: int) -> bytes:
        """See ``Transactional``."""
        with self._blamed():
            return self._transactions.end(next_checkpoint)

    def complete(self, checkpoint: int) -> None:
        """See ``Transactional``."""
        with self._blamed():
            self._transactions.complete(checkpoint)

    def abandon(self, completed: int) -> None:
        """See ``Transactional``."""
        with self._blamed():
            self._transactions.abandon(completed)

    def end(self) -> Iterable[Element]:
        """Without checkpoints nothing else would ever commit."""
        if not self._has_checkpoints:
            with self._blamed():
                self._transactions.end()
                self._transactions.complete(LATEST)
        return ()

    @contextmanager
    def _blamed(self) -> Iterator[None]:
        try:
            yield
        except BaseException as error:
            blame(self.name, NO_RECORD, error)


class Print:
    """Writes each record as a line to this process's standard output, which the worker's owner flushes."""

    def __init__(self, spec: specs.Print, counters: OperatorCounters) -> None:
        self.name = spec.name
        self.place = counters.place
        self._counters = counters
        self._prefix = spec.prefix

    def open(self, context: TaskContext) -> None:
        """Nothing to open."""

    def process(self, rows: Rows) -> Iterable[Element]:
        """Nothing comes out."""
        prefix = self._prefix
        records = iter(rows.values)
        try:
            lines = [f"{prefix}{record!s}\n" for record in records]
        except BaseException as error:
            blame(self.name, record_at(rows.values, records), error)
        # Looked up each time: a notebook or a test may have put something else in its place.
        if sys.stdout is not None:  # the program was started without one: print() says nothing then
            sys.stdout.write("".join(lines))
        self._counters.took(len(rows.values))
        return ()

    def end(self) -> Iterable[Element]:
        """Nothing is kept."""
        return ()

    def close(self) -> None:
        """Nothing to close."""


class Collect:
    """Counts what it hands on: the way to the caller is the task's outbox."""

    def __init__(self, spec: specs.Collect, counters: OperatorCounters) -> None:
        self.name = spec.name
        self.place = counters.place
        self._counters = counters

    def open(self, context: TaskContext) -> None:
        """Nothing to open."""

    def process(self, rows: Rows) -> Iterable[Element]:
        """The rows themselves."""
        self._counters.took(len(rows.values))
        return (rows,)

    def end(self) -> Iterable[Element]:
        """Nothing is kept."""
        return ()

    def close(self) -> None:
        """Nothing to close."""
