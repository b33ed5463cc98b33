"""The simulation finds what it is there to find: each of these mistakes, planted, makes a run fail."""

import pytest

from sage_local.testing.simulation import Fault, Faults, SimulationFailed
from tests.testing import planted_bugs
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
IN_ORDER = Faults(rate=0.2, most=3, kinds=frozenset({Fault.USER_CODE_FAILS, Fault.PREPARE_FAILS, Fault.COMMIT_FAILS}))
"""Executions that fail and come to their end in order: nobody is killed."""
AT_THE_END = Faults(most=0, aim=("idle", Fault.PREPARE_FAILS))
"""Between checkpoints only tasks that have ended prepare: one of them can not, and the execution ends in order."""
DAMAGED = Faults(rate=0.5, most=1, kinds=frozenset({Fault.COORDINATOR_DIES}), aim=("starting", Fault.FILE_FLIPPED))
SLOW = Faults(
    rate=0.3,
    most=4,
    kinds=frozenset(
        {
            Fault.WORKER_STARTS_LATE,
            Fault.WORKER_DIES,
            Fault.WRITE_IS_SLOW,
            Fault.ACKNOWLEDGEMENT_SLOW,
            Fault.ACKNOWLEDGEMENT_REPEATED,
        }
    ),
)
LOST = Faults(
    rate=0.5,
    most=6,
    kinds=frozenset({Fault.ACKNOWLEDGEMENT_LOST, Fault.COORDINATOR_DIES_BEFORE_MANIFEST}),
)
REPEATED = Faults(
    rate=0.5, most=8, kinds=frozenset({Fault.ACKNOWLEDGEMENT_REPEATED, Fault.WORKER_DIES, Fault.COORDINATOR_DIES})
)
UNWRITTEN = Faults(
    rate=0.15, most=3, kinds=frozenset({Fault.WRITE_FAILS, Fault.WORKER_DIES, Fault.ACKNOWLEDGEMENT_LOST})
)
STUCK = Faults(rate=0.5, most=3, kinds=frozenset({Fault.WORKER_DIES, Fault.USER_CODE_FAILS, Fault.WORKER_IS_STUCK}))
SCHEDULES = (LATE, STUCK, MIXED, IN_ORDER, AT_THE_END, DAMAGED, SLOW, LOST, REPEATED, UNWRITTEN)
RUNS = 200

BUGS = {
    planted_bugs.skip_alignment: "union",
    planted_bugs.acknowledge_before_the_snapshot_is_durable: "sums",
    planted_bugs.commit_before_the_checkpoint_is_complete: "sums",
    planted_bugs.forget_the_transactions_of_an_aborted_checkpoint: "sums",
    planted_bugs.do_not_commit_on_recovery: "sums",
    planted_bugs.take_the_last_transaction_for_an_earlier_checkpoint: "windows, few checkpoints",
    planted_bugs.forget_timers: "timers",
    planted_bugs.forget_keyed_state: "sums",
    planted_bugs.forget_a_split_position: "windows",
    planted_bugs.restore_another_subtasks_state: "sums",
    planted_bugs.take_a_split_position_too_far: "windows",
    planted_bugs.complete_without_all_acknowledgements: "sums",
    planted_bugs.let_a_last_snapshot_stand_in_for_an_earlier_barrier: "sums",
    planted_bugs.begin_with_the_oldest_checkpoint: "sums",
    planted_bugs.sweep_too_much: "sums",
    planted_bugs.let_restored_tasks_that_had_finished_work_again: "totals",
    planted_bugs.take_a_damaged_file_for_whole: "sums",
    planted_bugs.keep_to_a_checkpoint_that_was_damaged_since: "sums",
    planted_bugs.commit_twice_after_a_restart: "sums",
    planted_bugs.keep_one_checkpoint_too_few: "sums",
    planted_bugs.leave_the_first_file_out_of_a_chain_of_changes: "changed sums",
    planted_bugs.build_changes_on_a_file_that_was_not_written: "changed sums",
    planted_bugs.draw_the_boundary_of_key_groups_one_too_low: "sums",
    planted_bugs.forget_broadcast_state: "rules",
    planted_bugs.forget_watermarks: "late",
    planted_bugs.let_barriers_overtake_records: "union",
    planted_bugs.align_as_if_records_might_be_repeated: "union",
    planted_bugs.take_every_acknowledgement_for_the_checkpoint_at_hand: "sums",
    planted_bugs.count_acknowledgements_and_not_tasks: "sums",
    planted_bugs.forget_tasks_that_ended_before_the_last_worker_came: "totals",
    planted_bugs.count_checkpoints_from_one_again_when_the_job_is_resumed: "sums",
    planted_bugs.read_on_behind_the_last_barrier: "sums",
    planted_bugs.forget_a_stop_that_comes_while_the_job_starts: "sums",
    planted_bugs.fire_timers_and_keep_them: "timers",
    planted_bugs.capture_what_has_changed_since_the_barrier: "sums",
    planted_bugs.begin_without_those_that_are_gone: "sums",
    planted_bugs.wait_for_those_that_are_stuck: "sums",
}


SCHEDULE_OF = {
    planted_bugs.take_the_last_transaction_for_an_earlier_checkpoint: AT_THE_END,
    planted_bugs.take_a_damaged_file_for_whole: DAMAGED,
    planted_bugs.keep_to_a_checkpoint_that_was_damaged_since: DAMAGED,
    planted_bugs.build_changes_on_a_file_that_was_not_written: UNWRITTEN,
    planted_bugs.let_a_last_snapshot_stand_in_for_an_earlier_barrier: LOST,
    planted_bugs.count_acknowledgements_and_not_tasks: REPEATED,
}
"""Those that few schedules can find get one of their own; the others are found by any."""


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.__name__)
def test_a_planted_bug_is_found(bug, monkeypatch):
    bug(monkeypatch)
    schedules = (SCHEDULE_OF[bug],) if bug in SCHEDULE_OF else SCHEDULES
    with pytest.raises(SimulationFailed, match="seed"):
        _run_until_it_fails(PROGRAMS[BUGS[bug]], schedules)


def _run_until_it_fails(program, schedules):
    for seed in range(RUNS):
        program.run(seed, schedules[seed % len(schedules)], stop_after=seed * 4 if seed % 5 == 4 else None)
