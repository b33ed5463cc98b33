"""The simulation finds what it is there to find: each of these mistakes, planted, makes a run fail."""

import pickle
from dataclasses import replace

import pytest

from sage_local.core.ids import TaskId
from sage_local.runtime.checkpoint import catalog, fit
from sage_local.runtime.coordinator import recovery
from sage_local.runtime.operators.keyed import Keyed
from sage_local.runtime.operators.source import SplitInput
from sage_local.runtime.operators.transactions import Prepared, Transactions
from sage_local.runtime.protocol import checkpoints as decider
from sage_local.runtime.protocol.alignment import Alignment
from sage_local.runtime.state.memory import MemoryBackend
from sage_local.runtime.worker.task_checkpoints import TaskCheckpoints
from sage_local.testing.simulation import Fault, Faults, SimulationFailed
from tests.testing.simulated_programs import PROGRAMS

pytestmark = pytest.mark.timeout(300)

MIXED = Faults(rate=0.05, most=5)
LATE = Faults(
    rate=0.15,
    most=3,
    kinds=frozenset(
        {
            Fault.WORKER_DIES,
            Fault.SINK_DIES_BEFORE_PREPARE,
            Fault.SINK_DIES_BEFORE_COMMIT,
            Fault.SINK_DIES_AFTER_COMMIT,
            Fault.COORDINATOR_DIES,
            Fault.COORDINATOR_DIES_AFTER_MANIFEST,
            Fault.ACKNOWLEDGEMENT_LOST,
        }
    ),
)
"""Faults that strike when there is something to be lost already."""
RUNS = 150


def skip_alignment(monkeypatch):
    """The inputs of a task do not wait for each other."""
    monkeypatch.setattr(Alignment, "is_held", lambda self, number: False)


def acknowledge_before_the_snapshot_is_durable(monkeypatch):
    write = TaskCheckpoints._write

    def eager(self, path, checkpoint, snapshots):
        later, self._writer = self._writer, _Never()
        try:
            write(self, path, checkpoint, list(snapshots))
        finally:
            self._writer = later

    monkeypatch.setattr(TaskCheckpoints, "_write", eager)


class _Never:
    """Says that a file is durable, and stores nothing."""

    def write(self, path, parts, done):
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


BUGS = {
    skip_alignment: "union",
    acknowledge_before_the_snapshot_is_durable: "sums",
    commit_before_the_checkpoint_is_complete: "sums",
    forget_the_transactions_of_an_aborted_checkpoint: "sums",
    do_not_commit_on_recovery: "sums",
    take_the_last_transaction_for_an_earlier_checkpoint: "windows",
    forget_timers: "timers",
    forget_keyed_state: "sums",
    forget_a_split_position: "windows",
    restore_another_subtasks_state: "sums",
    take_a_split_position_too_far: "windows",
    complete_without_all_acknowledgements: "sums",
    let_a_last_snapshot_stand_in_for_an_earlier_barrier: "sums",
    begin_with_the_oldest_checkpoint: "sums",
    sweep_too_much: "sums",
    let_restored_tasks_that_had_finished_work_again: "totals",
}


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.__name__)
def test_a_planted_bug_is_found(bug, monkeypatch):
    program = PROGRAMS[BUGS[bug]]
    assert program.expected
    bug(monkeypatch)
    with pytest.raises(SimulationFailed, match="seed"):
        _run_until_it_fails(program)


def _run_until_it_fails(program):
    for seed in range(RUNS):
        program.run(seed, (LATE, MIXED)[seed % 2])
