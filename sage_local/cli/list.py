"""``sage list``: the running jobs of this user."""

import click

from sage_local.cli.jobs import statuses
from sage_local.cli.progress import duration_text
from sage_local.runtime.protocol.client_messages import JobStatus

_HEAD = ("JOB", "NAME", "STATE", "ELAPSED", "PID", "WORKERS")


@click.command("list")
def command() -> None:
    """Show the jobs that run now, one per line."""
    click.echo(table([_HEAD, *(_row(status) for status in statuses())]), nl=False)


def _row(status: JobStatus) -> tuple[str, ...]:
    elapsed = duration_text(status.progress.elapsed_s)
    return status.job_id, status.name, status.phase, elapsed, str(status.pid), str(len(status.worker_pids))


def table(rows: list[tuple[str, ...]]) -> str:
    """Columns as wide as their widest cell."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)
    return "".join(f"{line.rstrip()}\n" for line in lines)
