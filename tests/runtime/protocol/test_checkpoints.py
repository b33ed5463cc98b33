import pytest

from sage_local.core.ids import ChainId, TaskId
from sage_local.runtime.protocol.checkpoints import (
    FINAL_ATTEMPTS,
    FINAL_RETRY_MS,
    Abandoned,
    Abort,
    Acknowledged,
    CheckpointPolicy,
    Checkpoints,
    Declined,
    FailJob,
    Finished,
    NotifyComplete,
    Running,
    Stopping,
    Stored,
    StoreFailed,
    Tick,
    Trigger,
    WriteManifest,
    apply,
)

SOURCE = TaskId(ChainId(0), 0)
SINK = TaskId(ChainId(1), 0)
TASKS = frozenset({SOURCE, SINK})


class Driver:
    """Applies events and keeps what was asked for."""

    def __init__(self, **policy):
        self.state = Checkpoints(CheckpointPolicy(**{"interval_ms": 100, "timeout_ms": 50, **policy}), next_id=1)

    def __call__(self, event):
        self.state, instructions = apply(self.state, event)
        return instructions


@pytest.fixture
def job():
    driver = Driver()
    driver(Running(0, TASKS))
    return driver


def complete(job, checkpoint, at):
    for task in TASKS:
        asked = job(Acknowledged(task, checkpoint, at))
    assert asked == (WriteManifest(checkpoint, frozenset()),)
    return job(Stored(checkpoint, at))


def test_a_checkpoint_begins_one_interval_after_the_start(job):
    assert job(Tick(99)) == ()
    assert job(Tick(100)) == (Trigger(1),)


def test_the_manifest_is_written_when_every_task_has_acknowledged(job):
    job(Tick(100))
    assert job(Acknowledged(SOURCE, 1, 110)) == ()
    assert job(Acknowledged(SINK, 1, 110)) == (WriteManifest(1, frozenset()),)


def test_a_checkpoint_is_complete_only_when_its_manifest_is_durable(job):
    job(Tick(100))
    assert complete(job, 1, 110) == (NotifyComplete(1, is_final=False),)
    assert job.state.completed == 1


def test_one_checkpoint_is_in_flight_at_most():
    job = Driver(timeout_ms=1000)
    job(Running(0, TASKS))
    job(Tick(100))
    assert job(Tick(200)) == ()
    complete(job, 1, 210)
    assert job(Tick(210)) == (Trigger(2),)


def test_a_pause_is_kept_between_the_end_of_one_and_the_start_of_the_next():
    job = Driver(min_pause_ms=80)
    job(Running(0, TASKS))
    job(Tick(100))
    complete(job, 1, 140)
    assert job(Tick(200)) == ()
    assert job(Tick(220)) == (Trigger(2),)


def test_a_late_checkpoint_is_aborted_and_counted(job):
    job(Tick(100))
    (abort,) = job(Tick(150))
    assert isinstance(abort, Abort)
    assert job.state.aborted == 1
    assert job(Acknowledged(SOURCE, 1, 151)) == ()


def test_a_checkpoint_whose_manifest_is_being_written_is_not_late(job):
    job(Tick(100))
    for task in TASKS:
        job(Acknowledged(task, 1, 120))
    assert job.state.wake_at is None
    assert job(Stored(1, 500)) == (NotifyComplete(1, is_final=False),)


def test_a_declined_checkpoint_is_aborted_and_the_next_one_comes_in_its_time(job):
    job(Tick(100))
    assert job(Declined(SINK, 1, "no space left", 110)) == (Abort(1, "no space left"),)
    assert job(Tick(200)) == (Trigger(2),)


def test_a_manifest_that_could_not_be_written_aborts(job):
    job(Tick(100))
    for task in TASKS:
        job(Acknowledged(task, 1, 110))
    assert job(StoreFailed(1, "read-only", 120)) == (Abort(1, "read-only"),)


def test_acknowledgements_of_an_aborted_checkpoint_mean_nothing_to_the_next(job):
    job(Tick(100))
    job(Declined(SINK, 1, "", 110))
    job(Tick(200))
    assert job(Acknowledged(SOURCE, 1, 210)) == ()
    assert job(Acknowledged(SINK, 2, 210)) == ()


def test_a_finished_task_stands_in_for_its_acknowledgement(job):
    job(Tick(100))
    job(Finished(SOURCE, 105))
    assert job(Acknowledged(SINK, 1, 110)) == (WriteManifest(1, frozenset({SOURCE})),)


def test_a_task_that_acknowledged_and_then_finished_counts_by_its_acknowledgement(job):
    job(Tick(100))
    job(Acknowledged(SOURCE, 1, 103))
    job(Finished(SOURCE, 105))
    assert job(Acknowledged(SINK, 1, 110)) == (WriteManifest(1, frozenset()),)


def test_a_last_snapshot_from_behind_the_barrier_does_not_stand_in(job):
    job(Tick(100))
    job(Acknowledged(SINK, 1, 110))
    assert job(Finished(SOURCE, 111, after=1)) == ()
    assert job(Acknowledged(SOURCE, 1, 112)) == (WriteManifest(1, frozenset()),)


def test_the_final_checkpoint_begins_as_soon_as_all_tasks_have_finished(job):
    job(Finished(SOURCE, 10))
    assert job(Finished(SINK, 20)) == (WriteManifest(1, TASKS),)
    assert job(Stored(1, 21)) == (NotifyComplete(1, is_final=True),)
    assert job.state.wake_at is None


def test_the_final_checkpoint_follows_one_in_flight(job):
    job(Tick(100))
    for task in TASKS:
        job(Acknowledged(task, 1, 110))
        job(Finished(task, 111))
    assert job(Stored(1, 112)) == (NotifyComplete(1, is_final=False), WriteManifest(2, TASKS))


def test_the_final_checkpoint_follows_one_in_flight_that_was_aborted(job):
    job(Tick(100))
    job(Acknowledged(SOURCE, 1, 110))
    job(Finished(SOURCE, 111))
    job(Declined(SINK, 1, "full", 112))
    assert job(Finished(SINK, 113)) == (WriteManifest(2, TASKS),)


def test_the_job_fails_when_the_final_checkpoint_can_not_be_stored(job):
    job(Finished(SOURCE, 10))
    job(Finished(SINK, 20))
    now = 20
    for attempt in range(1, FINAL_ATTEMPTS):
        job(StoreFailed(attempt, "full", now))
        now += FINAL_RETRY_MS
        assert job(Tick(now)) == (WriteManifest(attempt + 1, TASKS),)
    *_, last = job(StoreFailed(FINAL_ATTEMPTS, "full", now))
    assert isinstance(last, FailJob)


def test_what_was_in_flight_when_the_job_failed_comes_to_nothing(job):
    job(Tick(100))
    assert job(Abandoned("a worker was lost")) == (Abort(1, "a worker was lost"),)
    assert job.state.wake_at is None
    job(Running(1000, TASKS))
    assert job(Tick(1100)) == (Trigger(2),)


def test_a_restored_job_of_which_all_is_finished_only_commits():
    job = Driver()
    assert job(Running(0, TASKS, finished=TASKS)) == (WriteManifest(1, TASKS),)


def test_a_stop_takes_a_last_checkpoint_at_once(job):
    assert job(Stopping(10)) == (Trigger(1, is_last=True),)
    for task in TASKS:
        job(Acknowledged(task, 1, 20))
    assert job(Stored(1, 21)) == (NotifyComplete(1, is_final=True),)


def test_a_stop_that_comes_before_the_last_worker_is_there_is_carried_out_then():
    job = Driver()
    assert job(Stopping(10)) == ()
    assert job(Running(20, TASKS)) == (Trigger(1, is_last=True),)


def test_a_stop_waits_for_the_checkpoint_in_flight(job):
    job(Tick(100))
    assert job(Stopping(101)) == ()
    for task in TASKS:
        job(Acknowledged(task, 1, 110))
    assert job(Stored(1, 111)) == (NotifyComplete(1, is_final=False), Trigger(2, is_last=True))


def test_a_last_checkpoint_that_fails_is_tried_again_and_then_fails_the_job(job):
    asked = job(Stopping(10))
    now = 10
    for attempt in range(1, FINAL_ATTEMPTS + 1):
        assert Trigger(attempt, is_last=True) in asked
        last = job(Declined(SINK, attempt, "full", now))
        now += FINAL_RETRY_MS
        asked = job(Tick(now))
    assert isinstance(last[-1], FailJob)
