"""The doer around the checkpoint coordinator: triggers, manifests, clean-up, and the clock."""

from asyncio import AbstractEventLoop, TimerHandle
from collections import deque
from collections.abc import Callable

from sage_local.config import INCREMENTAL, MAX_PARALLELISM
from sage_local.core.clock import Clock
from sage_local.core.ids import TaskId
from sage_local.plan.physical import Plan
from sage_local.runtime.checkpoint import catalog
from sage_local.runtime.checkpoint.manifest import Manifest, OperatorPlace
from sage_local.runtime.checkpoint.storage import Storage
from sage_local.runtime.protocol import checkpoints as decider
from sage_local.runtime.protocol.messages import (
    CheckpointComplete,
    Command,
    SnapshotFailed,
    SnapshotTaken,
    TriggerCheckpoint,
)
from sage_local.runtime.protocol.snapshots import TaskSnapshot


class CheckpointShell:
    """Takes a job's checkpoints, through all of its executions.

    ``kept`` are the complete ones that are not deleted, oldest first; at first those of earlier runs. ``warn`` tells
    the user, ``on_complete`` is called with the id of each complete checkpoint, ``on_impossible`` when the job can not
    be brought to its end.
    """

    def __init__(
        self,
        loop: AbstractEventLoop,
        storage: Storage,
        plan: Plan,
        places: tuple[OperatorPlace, ...],
        *,
        run: str,
        policy: decider.CheckpointPolicy,
        next_id: int,
        kept: deque[Manifest],
        warn: Callable[[str], None],
        on_complete: Callable[[int], None],
        on_impossible: Callable[[str], None],
        clock: Clock,
    ) -> None:
        self._loop = loop
        self._storage = storage
        self._plan = plan
        self._places = places
        self._run = run
        self._kept = kept
        self._warn = warn
        self._on_complete = on_complete
        self._on_impossible = on_impossible
        self._clock = clock
        self._state = decider.Checkpoints(policy, next_id)
        self._tell: Callable[[Command], None] = _nobody
        self._attempt = next_id
        self._acknowledged: dict[TaskId, TaskSnapshot] = {}
        self._ended: dict[TaskId, TaskSnapshot] = {}
        self._started_ms = 0
        self._is_abandoned = False
        self._has_told_of_the_last = False
        self._timer: TimerHandle | None = None
        self.given_up = 0
        """How many came to nothing, and were told of."""

    @property
    def completed(self) -> int:
        """How many became complete."""
        return self._state.completed

    @property
    def phase(self) -> str:
        """Where it is between two checkpoints, in a word."""
        state = self._state
        if state.in_flight is None:
            return "over" if state.is_over else "idle"
        if state.in_flight.is_last or state.finished == state.tasks:
            return "taking the last"
        if state.in_flight.storing is not None:
            return "storing"
        return "collecting" if state.in_flight.acknowledged else "triggered"

    @property
    def next_id(self) -> int:
        """The id of the next one; no smaller one will be taken any more."""
        return self._state.next_id

    def begin(self, attempt: int) -> None:
        """The workers of an execution are on their way: what is reported from now on is of it."""
        self._attempt = attempt
        self._acknowledged.clear()
        self._ended.clear()
        self._is_abandoned = False
        self._has_told_of_the_last = False

    def running(self, tell: Callable[[Command], None]) -> None:
        """All workers of the execution are there; ``tell`` reaches them."""
        self._tell = tell
        # A worker does not wait for the last one: its tasks may have come to their end already.
        self._apply(decider.Running(self._now_ms(), frozenset(self._plan.placement), frozenset(self._ended)))

    def on_report(self, event: SnapshotTaken | SnapshotFailed) -> None:
        """A worker has written a snapshot, or could not."""
        match event:
            case SnapshotTaken(None, snapshot):
                self._ended[snapshot.task] = snapshot
                self._apply(decider.Finished(snapshot.task, self._now_ms(), snapshot.after))
            case SnapshotTaken(int(checkpoint), snapshot):
                flight = self._state.in_flight
                if flight is not None and flight.checkpoint == checkpoint:
                    self._acknowledged[snapshot.task] = snapshot
                self._apply(decider.Acknowledged(snapshot.task, checkpoint, self._now_ms()))
            case SnapshotFailed(_, None, reason):
                if not self._has_told_of_the_last:
                    self._has_told_of_the_last = True
                    self._warn(f"a task has ended, and {reason}; it is tried again until it can")
            case SnapshotFailed(task, int(checkpoint), reason):
                self._apply(decider.Declined(task, checkpoint, reason, self._now_ms()))

    def stop(self) -> None:
        """Sources read no further: take the last checkpoint."""
        self._apply(decider.Stopping(self._now_ms()))

    def abandon(self, reason: str) -> None:
        """The execution is being ended."""
        self._tell = _nobody
        self._is_abandoned = True
        self._apply(decider.Abandoned(reason))

    def _now_ms(self) -> int:
        # The loop's clock is monotonic: setting the machine's does not make a checkpoint late.
        return int(self._loop.time() * 1000)

    def _apply(self, event: decider.Event) -> None:
        self._state, instructions = decider.apply(self._state, event)
        for instruction in instructions:
            self._do(instruction)
        self._schedule()

    def _schedule(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        wake_at = self._state.wake_at
        if wake_at is not None:
            # One more: the loop counts in fractions, and a tick that comes early would only be followed by another.
            delay_s = (wake_at - self._now_ms() + 1) / 1000
            self._timer = self._loop.call_later(max(0.0, delay_s), self._tick)

    def _tick(self) -> None:
        self._apply(decider.Tick(self._now_ms()))

    def _do(self, instruction: decider.Instruction) -> None:
        match instruction:
            case decider.Trigger(checkpoint, is_last):
                self._acknowledged.clear()
                self._started_ms = self._clock.now_ms()
                self._tell(TriggerCheckpoint(checkpoint, is_last))
            case decider.WriteManifest(checkpoint, finished):
                self._store(checkpoint, finished)
            case decider.NotifyComplete(checkpoint, is_final):
                self._on_complete(checkpoint)
                self._tell(CheckpointComplete(checkpoint, is_final))
                self._sweep(checkpoint)
            case decider.Abort(checkpoint, reason):
                if not self._is_abandoned:
                    self.given_up += 1
                    self._warn(f"checkpoint {checkpoint} was given up: {reason}")
                    if not self._plan.settings[INCREMENTAL]:  # else its files may be what the next one builds on
                        # A full disk must not be full of what came to nothing: no checkpoint would ever fit again.
                        self._sweep(checkpoint)
            case decider.FailJob(reason):
                self._on_impossible(reason)

    def _store(self, checkpoint: int, finished: frozenset[TaskId]) -> None:
        now_ms = self._clock.now_ms()
        # One of ended tasks alone is not triggered.
        started_ms, self._started_ms = self._started_ms or now_ms, 0
        known = {**self._acknowledged, **{task: self._ended[task] for task in finished}}
        manifest = Manifest(
            checkpoint,
            self._plan.job_name,
            self._run,
            started_ms,
            now_ms,
            self._plan.settings[MAX_PARALLELISM],
            self._places,
            tuple(known[task] for task in sorted(known)),
        )
        try:
            if self._storage.size(catalog.manifest_path(checkpoint)) is not None:
                # Numbers are never used twice. On object stores, which have no locks, this is how one hears of it.
                self._on_impossible(
                    f"{self._storage.location} is in use by another job, which has completed checkpoint {checkpoint}"
                    " too: two jobs can not share a checkpoint directory"
                )
                return
            catalog.store(self._storage, manifest)
        except OSError as error:
            self._apply(decider.StoreFailed(checkpoint, f"its manifest could not be written: {error}", self._now_ms()))
            return
        self._kept.append(manifest)
        self._apply(decider.Stored(checkpoint, self._now_ms()))

    def _sweep(self, checkpoint: int) -> None:
        try:
            catalog.sweep(self._storage, self._kept, before=checkpoint, attempt=self._attempt)
        except OSError as error:
            self._warn(f"old checkpoints could not be deleted: {error}")


def _nobody(_command: Command) -> None:
    """Nobody is left to be told."""
