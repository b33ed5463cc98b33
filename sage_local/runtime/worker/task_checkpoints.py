"""What one task has to do with checkpoints: its snapshots on their way into files, its state on its way back."""

import pickle
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Protocol, runtime_checkable

from sage_local.core.elements import Barrier
from sage_local.core.ids import TaskId
from sage_local.runtime.checkpoint import catalog
from sage_local.runtime.checkpoint.operator_snapshot import OperatorSnapshot
from sage_local.runtime.checkpoint.state_file import UNKEYED, WHOLE, read_state_file, verify
from sage_local.runtime.checkpoint.storage import Storage
from sage_local.runtime.operators.timed import Sliced, Stateful
from sage_local.runtime.protocol.blame import NO_RECORD, blame
from sage_local.runtime.protocol.messages import SnapshotFailed, SnapshotTaken
from sage_local.runtime.protocol.snapshots import FileRef, TaskRestore, TaskSnapshot
from sage_local.runtime.state.chunk import PROTOCOL
from sage_local.runtime.state.snapshot import StateSnapshot
from sage_local.runtime.worker.snapshot_writer import SnapshotWriter
from sage_local.runtime.worker.taking import Taking

SLICE_NS = 2_000_000
"""Of work on a snapshot, before records have their turn again."""
MOST_DELTAS = 50
"""Then everything is written again, so that a restore reads a bounded number of files."""


@runtime_checkable
class Transactional(Protocol):
    """A sink whose records appear when a checkpoint is complete."""

    name: str
    waiting: int
    """Transactions that are prepared and not committed."""

    def prepare(self, checkpoint: int) -> bytes:
        """End the transaction at hand; returns the sink's snapshot."""

    def end_records(self) -> None:
        """No record follows."""

    def prepare_last(self, next_checkpoint: int) -> bytes:
        """As ``prepare``, when no record follows, for every checkpoint from ``next_checkpoint`` on."""

    def restore_transactions(self, snapshot: bytes) -> None:
        """Before ``open``."""

    def complete(self, checkpoint: int) -> None:
        """Commit what ``checkpoint`` holds."""

    def abandon(self, completed: int) -> None:
        """As ``complete``; abort the rest."""


@runtime_checkable
class Positioned(Protocol):
    """A part of a task with a small state that is not the user's: the reader of a source, a gate."""

    def position(self) -> Any:
        """A picklable value."""

    def reposition(self, position: Any) -> None:
        """Before the first record."""


class TaskCheckpoints:
    """One task's. ``parts`` are its input and operators by the name that their state stands under."""

    def __init__(
        self,
        task: TaskId,
        parts: Sequence[tuple[str, Any]],
        *,
        attempt: int,
        incremental: bool = False,
        restore: TaskRestore | None,
        storage: Storage,
        writer: SnapshotWriter,
        report: Callable[[SnapshotTaken | SnapshotFailed], None],
        slice_ns: int = SLICE_NS,
    ) -> None:
        self._task = task
        self._parts = parts
        self._attempt = attempt
        self._incremental = incremental
        self._files: tuple[FileRef, ...] = ()
        self._lost: set[str] = set()
        self._restore = restore
        self._storage = storage
        self._writer = writer
        self._report = report
        self._slice_ns = slice_ns
        self._transactional = [part for _, part in parts if isinstance(part, Transactional)]
        self.triggered: deque[Barrier] = deque()
        """Barriers that the task's source has to send."""
        self._latest = attempt - 1
        self._taking: Taking | None = None
        self.is_suspended = False
        """Whether the task's source reads no further."""
        self.has_taken_last = False
        """Whether the last barrier has come: what follows it can only be another one."""

    @property
    def was_finished(self) -> bool:
        """Whether the restored checkpoint knows the task as finished."""
        return self._restore is not None and self._restore.is_finished

    @property
    def waits_to_commit(self) -> bool:
        """Whether closing the task now would lose a transaction."""
        return any(part.waiting for part in self._transactional)

    def restore(self) -> None:
        """Give every part what the checkpoint has of it; before anything is opened."""
        if self._restore is None:
            return
        read = _Reader(self._storage)
        for name, part in self._parts:
            files = self._restore.operators.get(name, ())
            keyed, unkeyed = read.state(name, files)
            if isinstance(part, Transactional) and unkeyed is not None:
                part.restore_transactions(unkeyed)
            elif isinstance(part, Positioned) and unkeyed is not None:
                part.reposition(pickle.loads(unkeyed))
            elif isinstance(part, Stateful) and (keyed or unkeyed is not None):
                part.restore(StateSnapshot(keyed, [] if unkeyed is None else [unkeyed], is_of_one_subtask=True))

    def take(self, barrier: Barrier) -> None:
        """The task is at ``barrier``: take its snapshot now, and write it beside the work."""
        checkpoint = self._latest = barrier.checkpoint
        self._drop()
        try:
            if barrier.is_last:
                self.has_taken_last = True
                for part in self._transactional:
                    part.end_records()
            deltas = self._may_add_delta()
            path = catalog.state_path(checkpoint, self._task)
            self._taking = Taking(path, checkpoint, self._files if deltas else ())
            for name, part in self._parts:
                self._add(self._taking, name, part, deltas=deltas)
        except OSError as error:
            # Of a sink's prepare(): a disk that is full, a network. The transaction is still at hand, but changes that
            # other operators had told already would be in no file.
            self._drop()
            self._report(SnapshotFailed(self._task, checkpoint, f"{type(error).__name__}: {error}"))
            return
        if self._taking.is_complete:
            self._write()

    def advance(self, clock: Callable[[], int]) -> bool:
        """Go on with the snapshot that is being taken, for a slice of time; whether there is one.

        Called between batches. Raises ``OperatorFailed``.
        """
        if self._taking is None:
            return False
        self._taking.advance(clock, clock() + self._slice_ns)
        if self._taking.is_complete:
            self._write()
        return True

    def end(self) -> None:
        """The task has come to its end: take its last snapshot, behind the one that is being taken."""
        self._finish()
        self._taking = Taking(catalog.ended_path(self._task, self._attempt), None, ())
        for name, part in self._parts:
            self._add(self._taking, name, part, deltas=False)
        self._finish()

    def _finish(self) -> None:
        if self._taking is not None:
            while not self._taking.is_complete:
                self._taking.advance(_never, 1)
            self._write()

    def _drop(self) -> None:
        """What is being taken was given up by the coordinator, or can not be taken.

        The next one has to hold everything: what has changed up to here was told to this one.
        """
        if self._taking is not None:
            self._taking.close()
            self._taking = None
            self._files = ()

    def complete(self, checkpoint: int) -> None:
        """Commit."""
        for part in self._transactional:
            part.complete(checkpoint)

    def abandon(self, completed: int) -> None:
        """The execution ends: commit what is complete, abort the rest."""
        for part in self._transactional:
            part.abandon(completed)

    def _may_add_delta(self) -> bool:
        """Whether changes are enough this time: a long row of them takes longer to restore than to write anew."""
        if not self._incremental or not self._files or len(self._files) > MOST_DELTAS:
            return False
        return sum(ref.size for ref in self._files[1:]) <= self._files[0].size

    def _add(self, taking: Taking, name: str, part: Any, *, deltas: bool) -> None:
        checkpoint = taking.checkpoint
        if isinstance(part, Transactional):
            unkeyed = part.prepare_last(self._latest + 1) if checkpoint is None else part.prepare(checkpoint)
            taking.add(OperatorSnapshot(name, unkeyed=unkeyed, states={"transactions": part.waiting}))
            return
        try:
            if isinstance(part, Positioned):
                taking.add(OperatorSnapshot(name, unkeyed=pickle.dumps(part.position(), PROTOCOL)))
                return
            if not isinstance(part, Stateful):
                return
            snapshot = part.capture(changes_only=deltas) if isinstance(part, Sliced) else part.snapshot()
        except Exception as error:
            # Whatever a user's __reduce__ raises: state that can not be pickled is an error of the program.
            blame(name, NO_RECORD, error)
        keyed = [(group, chunk) for group, chunks in snapshot.key_groups.items() for chunk in chunks]
        of_subtask = next(iter(snapshot.subtasks), None)
        held = OperatorSnapshot(name, keyed, of_subtask, dict(snapshot.entries), snapshot.is_delta)
        taking.add(held, snapshot.capture)

    def _write(self) -> None:
        taking, self._taking = self._taking, None
        assert taking is not None
        path, checkpoint, parts = taking.path, taking.checkpoint, taking.file.parts
        is_held = not taking.file.is_empty
        taken = TaskSnapshot(
            self._task,
            (*taking.earlier, taking.file.reference(path)) if is_held else taking.earlier,
            taking.summaries(),
            is_finished=checkpoint is None,
            after=self._latest,
        )
        self._files = taken.files
        if not is_held:
            self._report(SnapshotTaken(checkpoint, taken))
            return

        def done(error: OSError | None) -> None:
            if error is None and not any(ref.path in self._lost for ref in taken.files):
                self._report(SnapshotTaken(checkpoint, taken))
            elif error is None:
                reason = f"{path} builds on a file that was not written"
                self._report(SnapshotFailed(self._task, checkpoint, reason))
            elif checkpoint is None:
                # Nothing comes after it that could be written instead: try until there is room or the job is given up.
                self._report(SnapshotFailed(self._task, None, f"{path} could not be written: {error}"))
                self._writer.write(path, parts, done, again=True)
            else:
                # What it held is nowhere: the next one has to hold everything.
                self._files = ()
                self._lost.add(path)
                self._report(SnapshotFailed(self._task, checkpoint, f"{path} could not be written: {error}"))

        self._writer.write(path, parts, done)


class _Reader:
    """Reads each file once, however many operators it has state of."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._data: dict[str, bytes] = {}

    def state(self, operator: str, files: Iterable[FileRef]) -> tuple[dict[int, list[bytes]], bytes | None]:
        """Chunks by key group, in order, and the latest unkeyed state.

        Raises ``CheckpointError`` for a file that was damaged since the coordinator looked at it: the next execution
        passes it over.
        """
        keyed: dict[int, list[bytes]] = {}
        unkeyed: bytes | None = None
        for ref in files:
            if ref.path not in self._data:
                self._data[ref.path] = data = self._storage.read(ref.path)
                verify(ref, data)
            for frame in read_state_file(ref.path, self._data[ref.path]):
                if frame.operator != operator:
                    continue
                if frame.key_group == UNKEYED:
                    unkeyed = bytes(frame.payload)
                elif frame.key_group == WHOLE:
                    keyed.clear()
                else:
                    keyed.setdefault(frame.key_group, []).append(bytes(frame.payload))
        return keyed, unkeyed


def _never() -> int:
    """A clock by which no slice is over."""
    return 0
