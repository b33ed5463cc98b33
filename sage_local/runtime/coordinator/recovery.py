"""What a job's executions have in common: its checkpoint directory, what to begin with, and whether to begin again."""

import os
import random
from asyncio import AbstractEventLoop
from collections import deque
from collections.abc import Callable

from sage_local.config import (
    ALLOW_NON_RESTORED_STATE,
    CHECKPOINT_INTERVAL_MS,
    CHECKPOINT_MIN_PAUSE_MS,
    CHECKPOINT_RETAINED,
    CHECKPOINT_TIMEOUT_MS,
    LATEST,
    MAX_PARALLELISM,
    RESTART_ATTEMPTS,
    RESTART_DELAY_MS,
    RESTART_FAILURE_INTERVAL_MS,
    RESTART_JITTER,
    RESTART_MAX_DELAY_MS,
    RESTART_RESET_AFTER_MS,
    RESTART_STRATEGY,
    RESTORE,
    Checkpointing,
    RestartStrategy,
    Settings,
    checkpoint_directory,
    checkpointing_of,
)
from sage_local.core.clock import Clock, SystemClock
from sage_local.core.ids import TaskId
from sage_local.errors import CheckpointError
from sage_local.runtime.checkpoint import catalog
from sage_local.runtime.checkpoint.fit import fit, places
from sage_local.runtime.checkpoint.lock import DirectoryLock
from sage_local.runtime.checkpoint.manifest import Manifest
from sage_local.runtime.checkpoint.storage import Storage, open_storage
from sage_local.runtime.coordinator.checkpointing import CheckpointShell
from sage_local.runtime.protocol import restarts, snapshots
from sage_local.runtime.protocol.checkpoints import CheckpointPolicy
from sage_local.runtime.protocol.client_messages import Submission
from sage_local.runtime.protocol.messages import Command

_MACHINES = SystemClock()


class Recovery:
    """Made before the first worker; raises ``CheckpointError`` or ``OSError`` where the job can not begin as asked.

    ``warnings`` are for the user, and taken by whoever tells them. ``storage`` is for who has another than the settings
    name.
    """

    def __init__(self, submission: Submission, run: str, storage: Storage | None = None) -> None:
        self.warnings: list[str] = []
        self._plan = submission.plan
        self._settings = submission.plan.settings
        self._places = places(submission.plan, submission.kinds)
        self._run = run
        self._restarts = restarts.Restarts(policy_of(self._settings))
        self._attempt = 0
        self.number = 0
        """Restarts so far."""
        self.restored = 0
        """The checkpoint that the latest execution began with, 0 for none."""
        self.checkpoints: CheckpointShell | None = None
        self._storage: Storage | None = None
        if checkpointing_of(self._settings) is Checkpointing.NONE:
            return
        location = checkpoint_directory(self._settings, self._plan.job_name, os.environ)
        self._storage = storage or open_storage(location)
        self._lock = DirectoryLock(self._storage, run)
        where, earlier = self._asked_for(self._storage)
        self._begun_with: tuple[str, Manifest | None] | None = (where, earlier)
        self._first_id = max(catalog.checkpoint_ids(self._storage), default=0) + 1
        self._kept: deque[Manifest] = deque(maxlen=self._settings[CHECKPOINT_RETAINED])
        # Of earlier runs the newest one outlives our first: who forgot to resume can still do so.
        if earlier is None or where != self._storage.location:
            earlier = catalog.newest(self._storage, lambda _: None)
        if earlier is not None:
            self._kept.append(earlier)

    @property
    def may_restart(self) -> bool:
        """Whether a failure is followed by another execution."""
        return self._settings[RESTART_STRATEGY] is not RestartStrategy.NONE

    @property
    def may_repeat(self) -> bool:
        """Whether records may come a second time, so that what is collected has to be held back."""
        return self.may_restart or self._storage is not None

    def _completed(self) -> int:
        """Of this run: of earlier ones the workers have nothing to commit."""
        if self._storage is None or not self._kept or self._kept[-1].checkpoint < self._first_id:
            return 0
        return self._kept[-1].checkpoint

    def serve(
        self,
        loop: AbstractEventLoop,
        *,
        warn: Callable[[str], None],
        on_complete: Callable[[int], None],
        on_impossible: Callable[[str], None],
        clock: Clock = _MACHINES,
    ) -> None:
        """There is an event loop now: checkpoints can be taken."""
        if self._storage is None:
            return
        settings = self._settings
        policy = CheckpointPolicy(
            interval_ms=settings[CHECKPOINT_INTERVAL_MS],
            timeout_ms=settings[CHECKPOINT_TIMEOUT_MS],
            min_pause_ms=settings[CHECKPOINT_MIN_PAUSE_MS],
        )
        self.checkpoints = CheckpointShell(
            loop,
            self._storage,
            self._plan,
            self._places,
            run=self._run,
            policy=policy,
            next_id=self._first_id,
            kept=self._kept,
            warn=warn,
            on_complete=on_complete,
            on_impossible=on_impossible,
            clock=clock,
        )

    def begin(self) -> snapshots.Checkpointing | None:
        """What the workers of the next execution need to know. Raises ``CheckpointError`` where nothing fits."""
        if self._storage is None:
            return None
        # The id of the next checkpoint: no file of an earlier execution carries it.
        self._attempt = self._first_id if self.checkpoints is None else self.checkpoints.next_id
        location, manifest = self._newest()
        self.restored = 0 if manifest is None else manifest.checkpoint
        restore = {} if manifest is None else self._fit(manifest)
        return snapshots.Checkpointing(self._storage.location, self._attempt, location, restore)

    def follow(self) -> None:
        """Reports of the execution that was begun may come from now on."""
        if self.checkpoints is not None:
            self.checkpoints.begin(self._attempt)

    def running(self, now_ms: int, tell: Callable[[Command], None]) -> None:
        """All workers of an execution are there; ``tell`` reaches them."""
        self._restarts = self._restarts.running(now_ms)
        if self.checkpoints is not None:
            self.checkpoints.running(tell)

    def stop(self) -> None:
        """Sources read no further: take the last checkpoint, and tell the workers."""
        assert self.checkpoints is not None
        self.checkpoints.stop()

    def abandon(self) -> int:
        """No checkpoint becomes complete any more; returns the latest that is, 0 when there is none."""
        if self.checkpoints is not None:
            self.checkpoints.abandon("the execution has ended")
        return self._completed()

    def failed(self, now_ms: int) -> restarts.Decision:
        """Whether to begin again."""
        # Random so that jobs which failed together do not come back together.
        self._restarts, decision = self._restarts.failed(now_ms, random.random())
        if isinstance(decision, restarts.Restart):
            self.number += 1
        return decision

    def _newest(self) -> tuple[str, Manifest | None]:
        assert self._storage is not None
        own = catalog.newest(self._storage, self.warnings.append, at_least=self._first_id)
        whole = self._first_id - 1 if own is None else own.checkpoint
        while self._kept and self._kept[-1].checkpoint > whole:
            # What was passed over must not be kept in the place of one that can be restored.
            self._kept.pop()
        if own is not None:
            return self._storage.location, own
        # Looked at again for each execution: what was whole when the job began may not be so now.
        found, self._begun_with = self._begun_with or self._asked_for(self._storage), None
        return found

    def _fit(self, manifest: Manifest) -> dict[TaskId, snapshots.TaskRestore]:
        return fit(
            manifest,
            self._places,
            max_parallelism=self._settings[MAX_PARALLELISM],
            may_leave_state=self._settings[ALLOW_NON_RESTORED_STATE],
        )

    def _asked_for(self, own: Storage) -> tuple[str, Manifest | None]:
        """Where the checkpoint to begin with is, and the checkpoint."""
        path = self._settings[RESTORE]
        if path is None:
            return own.location, None
        if path == LATEST:
            return own.location, self._latest(own)
        if (numbered := catalog.numbered(path)) is not None:
            storage, checkpoint = numbered
            manifest = catalog.load(storage, checkpoint)
            catalog.verify_files(storage, manifest)
            return storage.location, manifest
        storage = open_storage(path)
        return storage.location, self._found(storage, path)

    def _latest(self, own: Storage) -> Manifest | None:
        if not any(each.manifest or each.is_damaged for each in catalog.listing(own)):
            # Whoever always resumes also does so the first time, and after a crash that came before any checkpoint.
            self.warnings.append(f"there is no checkpoint in {own.location} yet: the job begins from its start")
            return None
        return self._found(own, own.location)

    def _found(self, storage: Storage, path: str) -> Manifest:
        found = catalog.newest(storage, self.warnings.append)
        if found is None:
            raise CheckpointError(f"there is no complete checkpoint in {path} to restore from")
        return found


def policy_of(settings: Settings) -> restarts.Policy:
    """The restart strategy that the settings describe."""
    attempts, delay_ms = settings[RESTART_ATTEMPTS], settings[RESTART_DELAY_MS]
    match settings[RESTART_STRATEGY]:
        case RestartStrategy.NONE:
            return restarts.NoRestart()
        case RestartStrategy.FIXED_DELAY:
            return restarts.FixedDelay(attempts, delay_ms)
        case RestartStrategy.EXPONENTIAL_DELAY:
            return restarts.ExponentialDelay(
                attempts,
                delay_ms,
                settings[RESTART_MAX_DELAY_MS],
                settings[RESTART_JITTER],
                settings[RESTART_RESET_AFTER_MS],
            )
        case RestartStrategy.FAILURE_RATE:
            return restarts.FailureRate(attempts, settings[RESTART_FAILURE_INTERVAL_MS], delay_ms)
