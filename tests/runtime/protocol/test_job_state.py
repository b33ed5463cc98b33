import pytest

from sage_local.core.ids import WorkerId
from sage_local.runtime.protocol.client_messages import StartFailure, WorkerLoss
from sage_local.runtime.protocol.job_state import (
    CallerGone,
    CancelAsked,
    Conclude,
    Done,
    Event,
    Failed,
    Gone,
    GraceOver,
    Hurry,
    Instruction,
    Job,
    Kill,
    Outcome,
    Phase,
    Ready,
    Start,
    StopAsked,
    TellCancel,
    TellExit,
    TellStop,
    WakeEveryone,
    apply,
)

A, B = WorkerId(0), WorkerId(1)
BOTH = frozenset({A, B})
FIRST, SECOND = StartFailure("first"), StartFailure("second")


def after(*events: Event) -> tuple[Job, tuple[Instruction, ...]]:
    """The job after all of ``events``, and what the last one asked for."""
    job, instructions = Job(BOTH), ()
    for event in events:
        job, instructions = apply(job, event)
    return job, instructions


def gone(worker: WorkerId) -> Gone:
    return Gone(worker, WorkerLoss(worker, (), signal=9))


STARTED = (Start(), Ready(A), Ready(B))


def test_a_job_runs_once_every_worker_is_ready() -> None:
    assert after(Start(), Ready(A))[0].phase is Phase.STARTING
    assert after(*STARTED)[0].phase is Phase.RUNNING


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
