"""Whatever the order in which workers come and end, the last checkpoint is taken."""

import asyncio
from collections import deque
from collections.abc import Iterator
from pathlib import Path

import pytest

from sage_local.config import Settings
from sage_local.core.clock import ManualClock
from sage_local.core.ids import TaskId
from sage_local.plan.planner import plan
from sage_local.runtime.checkpoint.storage import open_storage
from sage_local.runtime.coordinator.checkpointing import CheckpointShell
from sage_local.runtime.protocol.checkpoints import CheckpointPolicy
from sage_local.runtime.protocol.messages import CheckpointComplete, Command, SnapshotFailed, SnapshotTaken
from sage_local.runtime.protocol.snapshots import TaskSnapshot
from tests.plan.programs import Program


class Job:
    """The shell of a job of two chains, in a directory; what it tells workers, and why it gave up."""

    def __init__(self, directory: Path) -> None:
        program = Program()
        program.print(program.map(program.source()))
        physical = plan(program.graph(), Settings({"parallelism": 2}))
        self.tasks = sorted(physical.placement)
        self.told: list[Command] = []
        self.warned: list[str] = []
        self.given_up: list[str] = []
        self.loop = asyncio.new_event_loop()
        self.shell = CheckpointShell(
            self.loop,
            open_storage(str(directory)),
            physical,
            (),
            run="run",
            policy=CheckpointPolicy(interval_ms=60_000, timeout_ms=60_000, min_pause_ms=0),
            next_id=1,
            kept=deque(),
            warn=self.warned.append,
            on_complete=lambda checkpoint: None,
            on_impossible=self.given_up.append,
            clock=ManualClock(1_800_000_000_000),
        )
        self.shell.begin(1)

    def end(self, task: TaskId) -> None:
        """``task`` has come to its end."""
        self.shell.on_report(SnapshotTaken(None, TaskSnapshot(task, (), (), is_finished=True, after=0)))


@pytest.fixture
def job(tmp_path: Path) -> Iterator[Job]:
    job = Job(tmp_path)
    yield job
    job.loop.close()


def test_a_task_that_ends_before_the_last_worker_is_there_is_known_to_have_ended(job: Job) -> None:
    first, *others = job.tasks
    job.end(first)
    job.shell.running(job.told.append)
    for task in others:
        job.end(task)
    assert job.told == [CheckpointComplete(1, is_final=True)]


def test_a_job_that_finds_anothers_checkpoint_under_its_number_gives_up(job: Job, tmp_path: Path) -> None:
    """On object stores nothing is locked, and numbers are never used twice."""
    open_storage(str(tmp_path)).write("chk-1/MANIFEST", [b"of another"])
    job.shell.running(job.told.append)
    for task in job.tasks:
        job.end(task)
    assert job.told == []
    assert "in use by another job, which has completed checkpoint 1 too" in job.given_up[0]


def test_a_last_state_that_can_not_be_written_is_told_of_once(job: Job) -> None:
    for _ in range(3):
        job.shell.on_report(SnapshotFailed(job.tasks[0], None, "ended/0-0-1.state could not be written: no space"))
    assert job.warned == [
        "a task has ended, and ended/0-0-1.state could not be written: no space; it is tried again until it can"
    ]


def test_what_came_to_nothing_goes_also_when_the_next_one_does_not_become_complete(job: Job, tmp_path: Path) -> None:
    """Else a disk that was full once stays full of it."""
    storage = open_storage(str(tmp_path))
    storage.write("chk-0/1-0.state", [b"given up before"])
    job.shell.running(job.told.append)
    job.shell.stop()
    storage.write("chk-1/1-0.state", [b"may still be written by others"])
    job.shell.on_report(SnapshotFailed(job.tasks[0], 1, "no space"))
    assert storage.names() == ["chk-1"]
    assert job.warned == ["checkpoint 1 was given up: no space"]
