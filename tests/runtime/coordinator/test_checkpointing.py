"""Whatever the order in which workers come and end, the last checkpoint is taken."""

import asyncio
from collections import deque
from pathlib import Path

from sage_local.config import Settings
from sage_local.core.clock import ManualClock
from sage_local.plan.planner import plan
from sage_local.runtime.checkpoint.storage import open_storage
from sage_local.runtime.coordinator.checkpointing import CheckpointShell
from sage_local.runtime.protocol.checkpoints import CheckpointPolicy
from sage_local.runtime.protocol.messages import CheckpointComplete, Command, SnapshotTaken
from sage_local.runtime.protocol.snapshots import TaskSnapshot
from tests.plan.programs import Program


def test_a_task_that_ends_before_the_last_worker_is_there_is_known_to_have_ended(tmp_path: Path) -> None:
    program = Program()
    program.print(program.map(program.source()))
    physical = plan(program.graph(), Settings({"parallelism": 2}))
    loop = asyncio.new_event_loop()
    told: list[Command] = []
    shell = CheckpointShell(
        loop,
        open_storage(str(tmp_path)),
        physical,
        (),
        run="run",
        policy=CheckpointPolicy(interval_ms=60_000, timeout_ms=60_000, min_pause_ms=0),
        next_id=1,
        kept=deque(),
        warn=lambda text: None,
        on_complete=lambda checkpoint: None,
        on_impossible=lambda reason: None,
        clock=ManualClock(1_800_000_000_000),
    )
    first, *others = sorted(physical.placement)
    shell.begin(1)
    shell.on_report(SnapshotTaken(None, TaskSnapshot(first, (), (), is_finished=True, after=0)))
    shell.running(told.append)
    for task in others:
        shell.on_report(SnapshotTaken(None, TaskSnapshot(task, (), (), is_finished=True, after=0)))
    loop.close()
    assert told == [CheckpointComplete(1, is_final=True)]
