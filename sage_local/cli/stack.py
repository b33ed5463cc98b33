"""``sage stack``: where the workers of a running job are right now."""

import os
import signal
import time
from pathlib import Path

import click

from sage_local.cli.jobs import connected
from sage_local.runtime.control.run_directory import RunDirectory, run_root

_DUMP_TIMEOUT_S = 2.0
_LOOK_INTERVAL_S = 0.02
"""A dump is written in one go of well under a millisecond; this long without growth means that it is whole."""


@click.command("stack")
@click.argument("job")
def command(job: str) -> None:
    """Print the Python stack of every thread of every worker of the job with this id or name.

    Works whatever a worker is stuck in, and does not disturb it.
    """
    with connected(job) as connection:
        status = connection.status()
    logs = RunDirectory(run_root(os.environ) / status.job_id).log_dir
    for worker, pid in sorted(status.worker_pids.items()):
        click.echo(f"worker {worker} (pid {pid})")
        click.echo(dump(pid, logs / f"stack-{worker}.txt") or f"no answer in {_DUMP_TIMEOUT_S:g} seconds")


def dump(pid: int, file: Path) -> str:
    """What process ``pid`` appends to ``file`` when it is asked for its stacks; empty when it does not answer."""
    try:
        start = file.stat().st_size
        os.kill(pid, signal.SIGUSR1)
    except (FileNotFoundError, ProcessLookupError):  # it ended meanwhile
        return ""
    deadline_s = time.monotonic() + _DUMP_TIMEOUT_S
    size = start
    while time.monotonic() < deadline_s:
        time.sleep(_LOOK_INTERVAL_S)
        before, size = size, file.stat().st_size
        if start < before == size:
            break
    with file.open(errors="replace") as stacks:
        stacks.seek(start)
        return stacks.read()
