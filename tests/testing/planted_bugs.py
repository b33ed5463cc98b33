"""Mistakes that the engine could make: each function plants one of them."""

import pickle
from dataclasses import replace

from sage_local.core.elements import Barrier
from sage_local.core.ids import TaskId
from sage_local.runtime.channels.gate import EventTime
from sage_local.runtime.channels.outbox import BufferedOutbox, Outbox
from sage_local.runtime.checkpoint import catalog, fit
from sage_local.runtime.coordinator import recovery
from sage_local.runtime.coordinator.checkpointing import CheckpointShell
from sage_local.runtime.launcher.simulation import StoreSink
from sage_local.runtime.operators.keyed import Keyed
from sage_local.runtime.operators.source import SplitInput
from sage_local.runtime.operators.timestamps import AssignTimestamps
from sage_local.runtime.operators.transactions import Prepared, Transactions
from sage_local.runtime.protocol import checkpoints as decider
from sage_local.runtime.protocol import job_state
from sage_local.runtime.protocol.alignment import Alignment, Guarantee
from sage_local.runtime.protocol.job_state import Phase
from sage_local.runtime.protocol.messages import SnapshotTaken
from sage_local.runtime.state.capture import Capture, Kept
from sage_local.runtime.state.memory import MemoryBackend
from sage_local.runtime.state.operator_state import OperatorState
from sage_local.runtime.state.timers import Timers
from sage_local.runtime.worker import task_checkpoints, wiring
from sage_local.runtime.worker.task import Task
from sage_local.runtime.worker.task_checkpoints import TaskCheckpoints


def skip_alignment(monkeypatch):
    """The inputs of a task do not wait for each other."""
    monkeypatch.setattr(Alignment, "is_held", lambda self, number: False)


def acknowledge_before_the_snapshot_is_durable(monkeypatch):
    write = TaskCheckpoints._write

    def eager(self):
        later, self._writer = self._writer, _Never()
        try:
            write(self)
        finally:
            self._writer = later

    monkeypatch.setattr(TaskCheckpoints, "_write", eager)


class _Never:
    """Says that a file is durable, and stores nothing."""

    def write(self, path, parts, done, **options):
        done(None)


def commit_before_the_checkpoint_is_complete(monkeypatch):
    prepare = Transactions.prepare

    def hasty(self, checkpoint):
        snapshot = prepare(self, checkpoint)
        self.complete(checkpoint)
        return snapshot

    monkeypatch.setattr(Transactions, "prepare", hasty)


def forget_the_transactions_of_an_aborted_checkpoint(monkeypatch):
    prepare = Transactions.prepare

    def forgetful(self, checkpoint):
        self._prepared.clear()
        return prepare(self, checkpoint)

    monkeypatch.setattr(Transactions, "prepare", forgetful)


def do_not_commit_on_recovery(monkeypatch):
    def recover(self, snapshot):
        _, state = ([], None) if snapshot is None else pickle.loads(snapshot)
        self._sink.recover(state)

    monkeypatch.setattr(Transactions, "recover", recover)


def take_the_last_transaction_for_an_earlier_checkpoint(monkeypatch):
    prepare = Transactions.prepare

    def end(self, next_checkpoint=0):
        self.end_records()
        snapshot = prepare(self, next_checkpoint)
        self._prepared = [Prepared(0, each.handle) for each in self._prepared]
        return snapshot

    monkeypatch.setattr(Transactions, "end", end)


def forget_timers(monkeypatch):
    restore = MemoryBackend.restore

    def without_timers(self, chunks):
        restore(self, chunks)
        for timers in self._timers.values():
            timers.clear()

    monkeypatch.setattr(MemoryBackend, "restore", without_timers)


def forget_keyed_state(monkeypatch):
    monkeypatch.setattr(Keyed, "_put_back", lambda self: None)


def forget_a_split_position(monkeypatch):
    go_on = SplitInput._go_on

    def from_the_start(self, position):
        go_on(self, position)
        for reading in self._readings:
            reading.position = None

    monkeypatch.setattr(SplitInput, "_go_on", from_the_start)


def restore_another_subtasks_state(monkeypatch):
    honest = fit.fit

    def shifted(manifest, operators, **options):
        found = honest(manifest, operators, **options)
        widths = {task.chain: 1 + max(other.subtask for other in found if other.chain == task.chain) for task in found}
        return {TaskId(task.chain, (task.subtask + 1) % widths[task.chain]): each for task, each in found.items()}

    monkeypatch.setattr(recovery, "fit", shifted)


def take_a_split_position_too_far(monkeypatch):
    position = SplitInput.position

    def further(self):
        honest = position(self)
        readings = tuple((number, split, read + 1) for number, split, read in honest.readings)
        return replace(honest, readings=readings)

    monkeypatch.setattr(SplitInput, "position", further)


def complete_without_all_acknowledgements(monkeypatch):
    def hasty(state):
        flight = state.in_flight
        if flight is None or flight.storing is not None or not flight.acknowledged:
            return state, ()
        done = state.finished - flight.acknowledged
        flight = decider.replace(flight, storing=done)
        return decider.replace(state, in_flight=flight), (decider.WriteManifest(flight.checkpoint, done),)

    monkeypatch.setattr(decider, "_store_when_all_known", hasty)


def let_a_last_snapshot_stand_in_for_an_earlier_barrier(monkeypatch):
    honest = decider._finish
    monkeypatch.setattr(decider, "_finish", lambda state, task, now_ms, after: honest(state, task, now_ms, 0))


def begin_with_the_oldest_checkpoint(monkeypatch):
    def oldest(storage, warn, *, at_least=0):
        complete = [each for each in catalog.checkpoint_ids(storage) if storage.size(catalog.manifest_path(each))]
        return catalog.load(storage, min(complete)) if complete else None

    monkeypatch.setattr(catalog, "newest", oldest)


def sweep_too_much(monkeypatch):
    honest = catalog.sweep
    monkeypatch.setattr(
        catalog, "sweep", lambda storage, kept, **options: honest(storage, (), **{**options, "before": 10**9})
    )


def let_restored_tasks_that_had_finished_work_again(monkeypatch):
    monkeypatch.setattr(TaskCheckpoints, "was_finished", property(lambda self: False))


def take_a_damaged_file_for_whole(monkeypatch):
    monkeypatch.setattr(catalog, "verify", lambda ref, data: None)
    monkeypatch.setattr(task_checkpoints, "verify", lambda ref, data: None)


def keep_to_a_checkpoint_that_was_damaged_since(monkeypatch):
    honest = recovery.Recovery._newest

    def stubborn(self):
        found = self._begun_with
        newest = honest(self)
        if found is not None and newest[1] is found[1]:
            self._begun_with = found
        return newest

    monkeypatch.setattr(recovery.Recovery, "_newest", stubborn)


def commit_twice_after_a_restart(monkeypatch):
    """A sink that does not look whether it has committed before."""
    commit = StoreSink.commit

    def again(self, handle):
        if handle in self._store.committed:
            self._store.committed[*handle, len(self._store.committed)] = self._store.committed[handle]
        commit(self, handle)

    monkeypatch.setattr(StoreSink, "commit", again)


def keep_one_checkpoint_too_few(monkeypatch):
    honest = catalog.sweep
    monkeypatch.setattr(
        catalog,
        "sweep",
        lambda storage, kept, *, before, **options: honest(storage, list(kept)[:-1], before=before + 1, **options),
    )


def leave_the_first_file_out_of_a_chain_of_changes(monkeypatch):
    write = TaskCheckpoints._write

    def shorter(self):
        self._taking.earlier = self._taking.earlier[1:]
        write(self)

    monkeypatch.setattr(TaskCheckpoints, "_write", shorter)


def build_changes_on_a_file_that_was_not_written(monkeypatch):
    write = TaskCheckpoints._write

    def trusting(self):
        write(self)
        self._files, self._lost = _Fixed(self._files), set()

    monkeypatch.setattr(TaskCheckpoints, "_write", trusting)
    monkeypatch.setattr(TaskCheckpoints, "__setattr__", _keeps_fixed_files)


class _Fixed(tuple):
    """Can not be emptied."""


def _keeps_fixed_files(self, name, value):
    if not (name == "_files" and value == () and isinstance(getattr(self, name, None), _Fixed)):
        object.__setattr__(self, name, value)


def draw_the_boundary_of_key_groups_one_too_low(monkeypatch):
    """The last key group of a subtask is in none of its snapshots."""
    advance = Capture.advance

    def without_the_last(self):
        groups = [group for part in self._parts for group in self._group_of(list(part.keys))]
        chunks = advance(self)
        return None if chunks is None else [each for each in chunks if each[0] != max(groups, default=None)]

    monkeypatch.setattr(Capture, "advance", without_the_last)


def forget_broadcast_state(monkeypatch):
    monkeypatch.setattr(OperatorState, "restore", lambda self, snapshots, **where: None)


def forget_watermarks(monkeypatch):
    monkeypatch.setattr(EventTime, "reposition", lambda self, position: None)
    monkeypatch.setattr(AssignTimestamps, "restore", lambda self, snapshot: None)


def let_barriers_overtake_records(monkeypatch):
    pass_on = BufferedOutbox.pass_on

    def hasty(self, element):
        if isinstance(element, Barrier):
            Outbox.pass_on(self, element)
        else:
            pass_on(self, element)

    monkeypatch.setattr(BufferedOutbox, "pass_on", hasty)


def align_as_if_records_might_be_repeated(monkeypatch):
    monkeypatch.setattr(wiring._Wiring, "_guarantee", lambda self, edges: Guarantee.AT_LEAST_ONCE)


def take_every_acknowledgement_for_the_checkpoint_at_hand(monkeypatch):
    on_report = CheckpointShell.on_report

    def careless(self, event):
        flight = self._state.in_flight
        if isinstance(event, SnapshotTaken) and event.checkpoint is not None and flight is not None:
            event = replace(event, checkpoint=flight.checkpoint)
        on_report(self, event)

    monkeypatch.setattr(CheckpointShell, "on_report", careless)


def count_acknowledgements_and_not_tasks(monkeypatch):
    """One that comes twice stands for another task's."""
    honest = decider._acknowledge

    def counting(state, task, checkpoint, now_ms):
        flight = state.in_flight
        if flight is not None and task in flight.acknowledged:
            task = min(state.tasks - flight.acknowledged - state.finished, default=task)
        return honest(state, task, checkpoint, now_ms)

    monkeypatch.setattr(decider, "_acknowledge", counting)


def forget_tasks_that_ended_before_the_last_worker_came(monkeypatch):
    honest = decider._run
    monkeypatch.setattr(
        decider, "_run", lambda state, now_ms, tasks, finished: honest(state, now_ms, tasks, frozenset())
    )


def count_checkpoints_from_one_again_when_the_job_is_resumed(monkeypatch):
    serve = recovery.Recovery.serve

    def from_one(self, *arguments, **options):
        self._first_id = 1
        serve(self, *arguments, **options)

    monkeypatch.setattr(recovery.Recovery, "serve", from_one)


def read_on_behind_the_last_barrier(monkeypatch):
    monkeypatch.setattr(Task, "suspend", lambda self: None)


def forget_a_stop_that_comes_while_the_job_starts(monkeypatch):
    honest = job_state._run
    monkeypatch.setattr(job_state, "_run", lambda job: (job, ()) if job.phase is Phase.STOPPING else honest(job))


def capture_what_has_changed_since_the_barrier(monkeypatch):
    monkeypatch.setattr(Kept, "keep", lambda self, keys, namespace, values: None)


def begin_without_those_that_are_gone(monkeypatch):
    begin = job_state._begin
    monkeypatch.setattr(job_state, "_begin", lambda job: begin(replace(job, gone=frozenset())))


def wait_for_those_that_are_stuck(monkeypatch):
    honest = job_state.apply
    monkeypatch.setattr(
        job_state,
        "apply",
        lambda job, event: (job, ()) if isinstance(event, job_state.GraceOver) else honest(job, event),
    )


def fire_timers_and_keep_them(monkeypatch):
    """They are in the snapshot though they have fired."""
    pop_due, capture = Timers.pop_due, MemoryBackend.capture
    fired = {}

    def with_fired(self, key_groups, *, changes_only):
        extra = [(timers, timer) for timers in self._timers.values() for timer in fired.get(id(timers), ())]
        for timers, timer in extra:
            timers.restore([timer])
        taken = capture(self, key_groups, changes_only=changes_only)
        for timers, timer in extra:
            timers.delete(*timer)
        return taken

    monkeypatch.setattr(
        Timers, "pop_due", lambda self, upto: _noted(fired.setdefault(id(self), []), pop_due(self, upto))
    )
    monkeypatch.setattr(MemoryBackend, "capture", with_fired)


def _noted(into, timers):
    for timer in timers:
        into.append(timer)
        yield timer
