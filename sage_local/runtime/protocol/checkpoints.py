"""The checkpoint coordinator: events in, instructions out; one checkpoint is in flight at most.

::

    IDLE ──Tick──▶ COLLECTING ──last acknowledgement──▶ STORING ──Stored──▶ IDLE
      ▲                │ declined, late, abandoned         │ StoreFailed
      └────────────────┴───────────────────────────────────┘

A task that has finished gave its last snapshot with the news; it stands in for its acknowledgement in every checkpoint
it did not acknowledge by a barrier. When all tasks have finished, one final checkpoint is stored at once: only then are
the last transactions of sinks committed.
"""

from dataclasses import replace

from sage_local.core.data import data
from sage_local.core.ids import TaskId

FINAL_ATTEMPTS = 3
"""Of storing the final checkpoint; then the job fails, since it can not be finished exactly once."""
FINAL_RETRY_MS = 200
"""A disk that is full for a moment should not cost the job its end."""


@data
class CheckpointPolicy:
    """When checkpoints are taken. ``interval_ms`` counts from start to start, ``min_pause_ms`` from end to start."""

    interval_ms: int
    timeout_ms: int
    min_pause_ms: int = 0


@data
class Running:
    """Every worker of an execution is there. ``finished``: tasks that ended before the last one was."""

    now_ms: int
    tasks: frozenset[TaskId]
    finished: frozenset[TaskId] = frozenset()


@data
class Tick:
    """Time has passed; see ``wake_at``."""

    now_ms: int


@data
class Acknowledged:
    """The snapshot of ``task`` for ``checkpoint`` is durable."""

    task: TaskId
    checkpoint: int
    now_ms: int


@data
class Declined:
    """A task could not take or write its snapshot."""

    task: TaskId
    checkpoint: int
    reason: str
    now_ms: int


@data
class Finished:
    """``task`` has come to its end and its last snapshot is durable. ``after``: the latest barrier that it had met."""

    task: TaskId
    now_ms: int
    after: int = 0


@data
class Stored:
    """The manifest of ``checkpoint`` is durable."""

    checkpoint: int
    now_ms: int


@data
class StoreFailed:
    """The manifest could not be written."""

    checkpoint: int
    reason: str
    now_ms: int


@data
class Stopping:
    """Sources read no further: what they have read is to become the last checkpoint, now."""

    now_ms: int


@data
class Abandoned:
    """The job's tasks are being ended: what is in flight comes to nothing."""

    reason: str


Event = Running | Tick | Acknowledged | Declined | Finished | Stored | StoreFailed | Stopping | Abandoned


@data
class Trigger:
    """Tell every source that still runs to send the barrier of ``checkpoint``."""

    checkpoint: int
    is_last: bool = False


@data
class WriteManifest:
    """All of ``checkpoint`` is durable but its manifest. ``finished``: tasks that it knows by their last snapshot."""

    checkpoint: int
    finished: frozenset[TaskId]


@data
class NotifyComplete:
    """Tell every worker that ``checkpoint`` is complete. ``is_final``: nothing will follow."""

    checkpoint: int
    is_final: bool


@data
class Abort:
    """Warn that ``checkpoint`` was given up. What workers still do for it is stale, and means nothing."""

    checkpoint: int
    reason: str


@data
class FailJob:
    """The job can not keep its promise."""

    reason: str


Instruction = Trigger | WriteManifest | NotifyComplete | Abort | FailJob


@data
class InFlight:
    """The checkpoint at hand. ``acknowledged``: by barrier. ``storing``: what its manifest will count as finished.

    ``passed``: tasks that met the barrier, of which no acknowledgement came, and have finished since. Their last
    snapshot is of a later moment than the barrier, so it can not stand in.
    """

    checkpoint: int
    started_ms: int
    acknowledged: frozenset[TaskId] = frozenset()
    passed: frozenset[TaskId] = frozenset()
    storing: frozenset[TaskId] | None = None
    is_last: bool = False


@data
class Checkpoints:
    """The state of a job's checkpoints. ``apply`` gives the state after an event and what has to be done about it."""

    policy: CheckpointPolicy
    next_id: int
    tasks: frozenset[TaskId] = frozenset()
    finished: frozenset[TaskId] = frozenset()
    in_flight: InFlight | None = None
    started_ms: int = 0
    ended_ms: int = 0
    final_attempts: int = 0
    is_stopping: bool = False
    is_over: bool = False
    completed: int = 0
    aborted: int = 0

    @property
    def wake_at(self) -> int | None:
        """When the next ``Tick`` is due; ``None`` when nothing depends on time."""
        if self.in_flight is not None:
            # One that is being stored may yet become durable, and would then count as the newest: it is left to its
            # end.
            return None if self.in_flight.storing is not None else self.in_flight.started_ms + self.policy.timeout_ms
        if self.is_over or not self.tasks:
            return None
        if self.finished == self.tasks or self.is_stopping:
            return self.ended_ms + FINAL_RETRY_MS
        return max(self.started_ms + self.policy.interval_ms, self.ended_ms + self.policy.min_pause_ms)


Step = tuple[Checkpoints, tuple[Instruction, ...]]


def apply(state: Checkpoints, event: Event) -> Step:
    """The state after ``event``. What comes too late to matter changes nothing and asks for nothing."""
    if state.is_over and not isinstance(event, Running):
        return state, ()
    match event:
        case Running(now_ms, tasks, finished):
            return _run(state, now_ms, tasks, finished)
        case Tick(now_ms):
            return _tick(state, now_ms)
        case Acknowledged(task, checkpoint, now_ms):
            return _acknowledge(state, task, checkpoint, now_ms)
        case Declined(_, checkpoint, reason, now_ms):
            return _give_up(state, checkpoint, reason, now_ms)
        case Finished(task, now_ms, after):
            return _finish(state, task, now_ms, after)
        case Stored(checkpoint, now_ms):
            return _stored(state, checkpoint, now_ms)
        case StoreFailed(checkpoint, reason, now_ms):
            return _give_up(state, checkpoint, reason, now_ms)
        case Stopping(now_ms):
            state = replace(state, is_stopping=True)
            # Before every worker is there, nobody would hear of it; ``_run`` begins it then.
            return _begin(state, now_ms) if state.in_flight is None and state.tasks else (state, ())
        case Abandoned(reason):
            return _abandon(state, reason)


def _run(state: Checkpoints, now_ms: int, tasks: frozenset[TaskId], finished: frozenset[TaskId]) -> Step:
    state = replace(
        state,
        tasks=tasks,
        finished=finished,
        in_flight=None,
        started_ms=now_ms,
        ended_ms=now_ms,
        final_attempts=0,
        is_over=False,
    )
    return _last_when_due(state, now_ms)


def _tick(state: Checkpoints, now_ms: int) -> Step:
    due = state.wake_at
    if due is None or now_ms < due:
        return state, ()
    if state.in_flight is not None:
        return _give_up(state, state.in_flight.checkpoint, f"not complete after {state.policy.timeout_ms} ms", now_ms)
    if state.finished == state.tasks:
        return _final_when_all_finished(state, now_ms)
    return _begin(state, now_ms)


def _begin(state: Checkpoints, now_ms: int) -> Step:
    checkpoint = state.next_id
    state = replace(state, next_id=checkpoint + 1, in_flight=_flight(state, checkpoint, now_ms), started_ms=now_ms)
    return state, (Trigger(checkpoint, is_last=state.is_stopping),)


def _flight(state: Checkpoints, checkpoint: int, now_ms: int) -> InFlight:
    return InFlight(checkpoint, now_ms, is_last=state.is_stopping)


def _acknowledge(state: Checkpoints, task: TaskId, checkpoint: int, now_ms: int) -> Step:
    flight = state.in_flight
    if flight is None or flight.checkpoint != checkpoint or flight.storing is not None:
        return state, ()
    flight = replace(flight, acknowledged=flight.acknowledged | {task})
    return _store_when_all_known(replace(state, in_flight=flight))


def _store_when_all_known(state: Checkpoints) -> Step:
    flight = state.in_flight
    if flight is None or flight.storing is not None:
        return state, ()
    by_end = state.finished - flight.acknowledged - flight.passed
    if flight.acknowledged | by_end != state.tasks:
        return state, ()
    return replace(state, in_flight=replace(flight, storing=by_end)), (WriteManifest(flight.checkpoint, by_end),)


def _finish(state: Checkpoints, task: TaskId, now_ms: int, after: int) -> Step:
    state = replace(state, finished=state.finished | {task})
    flight = state.in_flight
    if flight is not None:
        if after >= flight.checkpoint and task not in flight.acknowledged:
            state = replace(state, in_flight=replace(flight, passed=flight.passed | {task}))
        return _store_when_all_known(state)
    return _final_when_all_finished(state, now_ms)


def _final_when_all_finished(state: Checkpoints, now_ms: int) -> Step:
    if state.finished != state.tasks or state.in_flight is not None:
        return state, ()
    state, _ = _begin(state, now_ms)
    return _store_when_all_known(state)


def _stored(state: Checkpoints, checkpoint: int, now_ms: int) -> Step:
    flight = state.in_flight
    if flight is None or flight.checkpoint != checkpoint:
        return state, ()
    is_final = flight.is_last or flight.storing == state.tasks
    state = replace(state, in_flight=None, ended_ms=now_ms, completed=state.completed + 1, is_over=is_final)
    told = NotifyComplete(checkpoint, is_final)
    if is_final:
        return state, (told,)
    state, more = _last_when_due(state, now_ms)
    return state, (told, *more)


def _last_when_due(state: Checkpoints, now_ms: int) -> Step:
    if state.is_stopping and state.finished != state.tasks:
        return _begin(state, now_ms)
    return _final_when_all_finished(state, now_ms)


def _give_up(state: Checkpoints, checkpoint: int, reason: str, now_ms: int) -> Step:
    flight = state.in_flight
    if flight is None or flight.checkpoint != checkpoint:
        return state, ()
    attempts = state.final_attempts + (flight.is_last or flight.storing == state.tasks)
    state = replace(state, in_flight=None, ended_ms=now_ms, aborted=state.aborted + 1, final_attempts=attempts)
    told = Abort(checkpoint, reason)
    if attempts >= FINAL_ATTEMPTS:
        return replace(state, is_over=True), (told, FailJob(f"the final checkpoint could not be taken: {reason}"))
    if attempts:
        return state, (told,)
    state, more = _last_when_due(state, now_ms)
    return state, (told, *more)


def _abandon(state: Checkpoints, reason: str) -> Step:
    state = replace(state, tasks=frozenset(), finished=frozenset(), is_stopping=False)
    if state.in_flight is None:
        return state, ()
    flight = state.in_flight
    return replace(state, in_flight=None, aborted=state.aborted + 1), (Abort(flight.checkpoint, reason),)
