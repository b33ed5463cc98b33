"""The running jobs of this user, by id or name."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import click

from sage_local.errors import JobError
from sage_local.runtime.control.run_directory import run_root
from sage_local.runtime.launcher.control import RunningJob, connect, jobs
from sage_local.runtime.protocol.client_messages import JobStatus


def statuses() -> Iterator[JobStatus]:
    """The status of every running job. One that ends while it is asked is left out."""
    root = run_root(os.environ)
    for job_id in jobs(root):
        try:
            with connect(root, job_id) as job:
                status = job.status()
        except (ConnectionError, JobError):
            continue
        yield status


@contextmanager
def connected(job: str) -> Iterator[RunningJob]:
    """A connection to the running job with that id or name. Raises ``click.UsageError`` without just one such job."""
    found = [status for status in statuses() if job in (status.job_id, status.name)]
    if len(found) != 1:
        raise click.UsageError(_not_one(job, found))
    with connect(run_root(os.environ), found[0].job_id) as connection:
        yield connection


def _not_one(job: str, found: list[JobStatus]) -> str:
    if found:
        return f"{len(found)} running jobs are named {job!r}: use an id of {', '.join(each.job_id for each in found)}"
    return f"no running job has the id or name {job!r} ('sage list' shows those that there are)"
