import pytest

from sage_local.core.ids import WorkerId
from sage_local.runtime.protocol.client_messages import StartFailure, WorkerLoss
from sage_local.runtime.protocol.job_state import (
    AllReady,
    Begin,
    CallerGone,
    CancelAsked,
    Conclude,
    Decide,
    Done,
    Event,
    Failed,
    GiveUp,
    Gone,
    GraceOver,
    Hurry,
    Instruction,
    Job,
    Kill,
    Outcome,
    Phase,
    Ready,
    StandingBy,
    Start,
    StartWorkers,
    StopAsked,
    TellCancel,
    TellExit,
    TellStandBy,
    TellStop,
    WakeEveryone,
    apply,
)

A, B = WorkerId(0), WorkerId(1)
BOTH = frozenset({A, B})
FIRST, SECOND = StartFailure("first"), StartFailure("second")


def after(*events: Event, may_restart: bool = False) -> tuple[Job, tuple[Instruction, ...]]:
    """The job after all of ``events``, and what the last one asked for."""
    job, instructions = Job(BOTH, may_restart), ()
    for event in events:
        job, instructions = apply(job, event)
    return job, instructions


def gone(worker: WorkerId) -> Gone:
    return Gone(worker, WorkerLoss(worker, (), signal=9))


STARTED = (Start(), Ready(A), Ready(B))


def test_a_job_runs_once_every_worker_is_ready() -> None:
    assert after(Start(), Ready(A))[0].phase is Phase.STARTING
    job, instructions = after(*STARTED)
    assert job.phase is Phase.RUNNING
    assert instructions == (AllReady(),)


def test_a_job_that_is_stopped_while_it_starts_hears_when_all_are_there() -> None:
    assert after(Start(), Ready(A), StopAsked(), Ready(B))[1] == (AllReady(),)


def test_workers_are_told_to_leave_when_the_last_one_is_done() -> None:
    assert after(*STARTED, Done(A))[1] == ()
    assert after(*STARTED, Done(A), Done(B))[1] == (TellExit(),)


def test_a_job_is_over_only_when_every_process_is_gone() -> None:
    finished = (*STARTED, Done(A), Done(B))
    assert after(*finished, gone(A))[1] == (WakeEveryone(),)
    job, instructions = after(*finished, gone(A), gone(B))
    assert job.phase is Phase.FINISHED
    assert instructions == (Conclude(Outcome(Phase.FINISHED)),)


def test_workers_may_be_done_before_all_were_heard_to_be_ready() -> None:
    assert after(Start(), Done(A), Done(B))[1] == (TellExit(),)


def test_the_first_failure_wins() -> None:
    job, instructions = after(*STARTED, Failed(FIRST), Failed(SECOND))
    assert job.outcome == Outcome(Phase.FAILED, FIRST)
    assert instructions == ()


def test_a_failure_cancels_every_worker() -> None:
    assert after(*STARTED, Failed(FIRST))[1] == (TellCancel(),)


def test_a_worker_that_is_gone_untold_fails_the_job_and_everyone_is_woken() -> None:
    job, instructions = after(*STARTED, gone(B))
    assert job.outcome == Outcome(Phase.FAILED, WorkerLoss(B, (), signal=9))
    assert instructions == (WakeEveryone(), TellCancel())


def test_a_worker_that_dies_with_work_left_elsewhere_fails_the_job_even_when_it_was_done() -> None:
    assert after(*STARTED, Done(A), gone(A))[0].outcome == Outcome(Phase.FAILED, WorkerLoss(A, (), signal=9))


def test_a_death_after_the_failure_is_not_another_failure() -> None:
    job, instructions = after(*STARTED, Failed(FIRST), gone(A), gone(B))
    assert job.phase is Phase.FAILED
    assert instructions == (Conclude(Outcome(Phase.FAILED, FIRST)),)


def test_the_last_worker_that_is_gone_untold_ends_the_job() -> None:
    loss = WorkerLoss(A, (), signal=9)
    job, instructions = apply(Job(frozenset({A}), phase=Phase.RUNNING), Gone(A, loss))
    assert job.phase is Phase.FAILED
    assert instructions == (Conclude(Outcome(Phase.FAILED, loss)),)


def test_stop_is_told_once_and_the_job_finishes() -> None:
    assert after(*STARTED, StopAsked())[1] == (TellStop(),)
    assert after(*STARTED, StopAsked(), StopAsked())[1] == ()
    assert after(*STARTED, StopAsked(), Done(A), Done(B), gone(A), gone(B))[0].phase is Phase.FINISHED


def test_a_stopping_job_can_be_cancelled() -> None:
    job, instructions = after(*STARTED, StopAsked(), CancelAsked())
    assert job.outcome == Outcome(Phase.CANCELLED)
    assert instructions == (TellCancel(),)


def test_a_job_that_is_ending_is_not_cancelled_but_hurried() -> None:
    job, instructions = after(*STARTED, Done(A), Done(B), CancelAsked())
    assert job.outcome == Outcome(Phase.FINISHED)
    assert instructions == (Hurry(),)


def test_nobody_waits_for_a_careful_end_when_the_caller_is_gone() -> None:
    assert after(*STARTED, CallerGone())[1] == (TellCancel(), Hurry())
    assert after(*STARTED, Failed(FIRST), CallerGone())[1] == (Hurry(),)


def test_those_who_did_not_leave_in_time_are_killed() -> None:
    assert after(*STARTED, Failed(FIRST), gone(A), GraceOver())[1] == (Kill(frozenset({B})),)


@pytest.mark.parametrize(
    "event", [Start(), Ready(A), Done(A), gone(A), Failed(SECOND), StopAsked(), CancelAsked(), GraceOver()]
)
def test_nothing_changes_a_job_that_is_over(event: Event) -> None:
    over, _ = after(*STARTED, Failed(FIRST), gone(A), gone(B))
    assert apply(over, event) == (over, ())


BROKEN = WorkerLoss(B, (), signal=11)
"""What another execution may do better, unlike a ``StartFailure``."""
FAILED = (*STARTED, Failed(BROKEN))
ALL_STAND_BY = (*FAILED, StandingBy(A), StandingBy(B))


def restarting(*events: Event) -> tuple[Job, tuple[Instruction, ...]]:
    return after(*events, may_restart=True)


def test_the_workers_of_a_job_that_may_restart_stand_by() -> None:
    job, instructions = restarting(*FAILED)
    assert job.phase is Phase.FAILING
    assert instructions == (TellStandBy(),)


def test_a_restart_is_decided_when_every_worker_is_gone_or_stands_by() -> None:
    assert restarting(*STARTED, gone(A))[1] == (WakeEveryone(), TellStandBy())
    job, instructions = restarting(*STARTED, gone(A), StandingBy(B))
    assert job.phase is Phase.RESTARTING
    assert instructions == (Decide(WorkerLoss(A, (), signal=9)),)


def test_a_restart_is_decided_at_once_when_nobody_lives() -> None:
    loss = WorkerLoss(A, (), signal=9)
    job, instructions = apply(Job(frozenset({A}), may_restart=True, phase=Phase.RUNNING), Gone(A, loss))
    assert job.phase is Phase.RESTARTING
    assert instructions == (Decide(loss),)


def test_the_next_execution_forks_those_that_are_gone_and_runs_when_they_are_ready() -> None:
    job, instructions = restarting(*STARTED, gone(A), StandingBy(B), Begin())
    assert job.generation == 1
    assert instructions == (StartWorkers(frozenset({A})),)
    assert apply(job, Ready(A)) == (apply(job, Ready(A))[0], (AllReady(),))
    assert apply(job, Ready(A))[0].phase is Phase.RUNNING


def test_the_next_execution_runs_at_once_when_nobody_is_gone() -> None:
    job, instructions = restarting(*ALL_STAND_BY, Begin())
    assert job.phase is Phase.RUNNING
    assert instructions == (StartWorkers(frozenset()), AllReady())


def test_what_an_execution_said_before_it_failed_is_not_of_the_next() -> None:
    job, _ = restarting(*FAILED, Done(A), StandingBy(A), StandingBy(B), Begin())
    assert job.done == frozenset()
    assert apply(job, Done(B))[1] == ()


def test_who_does_not_stand_by_in_time_is_killed_and_forked_anew() -> None:
    assert restarting(*FAILED, StandingBy(A), GraceOver())[1] == (Kill(frozenset({B})),)
    assert restarting(*FAILED, StandingBy(A), GraceOver(), gone(B), Begin())[1] == (StartWorkers(frozenset({B})),)


def test_the_time_to_stand_by_is_over_for_nobody_who_does() -> None:
    assert restarting(*ALL_STAND_BY, GraceOver())[1] == ()
    assert restarting(*ALL_STAND_BY, Begin(), GraceOver())[1] == ()


def test_who_dies_standing_by_is_forked_anew() -> None:
    assert restarting(*ALL_STAND_BY, gone(B))[1] == (WakeEveryone(),)
    assert restarting(*ALL_STAND_BY, gone(B), Begin())[1] == (StartWorkers(frozenset({B})),)


def test_the_failure_that_comes_first_is_the_one_that_is_decided_on() -> None:
    job, instructions = restarting(*FAILED, gone(A), StandingBy(B))
    assert instructions == (Decide(BROKEN),)
    assert job.outcome is None


def test_a_job_that_is_given_up_lets_its_workers_leave_and_fails() -> None:
    job, instructions = restarting(*ALL_STAND_BY, GiveUp(BROKEN))
    assert instructions == (TellExit(),)
    assert apply(apply(job, gone(A))[0], gone(B))[1] == (Conclude(Outcome(Phase.FAILED, BROKEN)),)


def test_a_failure_that_the_next_execution_would_meet_as_well_ends_the_job() -> None:
    assert restarting(*STARTED, Failed(FIRST))[0].outcome == Outcome(Phase.FAILED, FIRST)
    assert restarting(*FAILED, Failed(FIRST))[1] == (TellCancel(),)
    assert restarting(*ALL_STAND_BY, Failed(FIRST))[1] == (TellExit(),)


@pytest.mark.parametrize("asked", [StopAsked(), CancelAsked()])
def test_between_two_executions_who_asks_for_the_end_gets_it(asked: Event) -> None:
    assert restarting(*FAILED, asked)[1] == (TellCancel(),)
    job, instructions = restarting(*ALL_STAND_BY, asked)
    assert job.outcome == Outcome(Phase.CANCELLED)
    assert instructions == (TellExit(),)
    assert apply(job, Begin()) == (job, ())


def test_the_next_execution_may_fail_in_its_turn() -> None:
    assert restarting(*ALL_STAND_BY, Begin(), Failed(BROKEN))[1] == (TellStandBy(),)
    assert restarting(*ALL_STAND_BY, Begin(), Failed(BROKEN), StandingBy(A))[1] == ()
