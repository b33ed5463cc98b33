"""``sage stop``: ends a running job."""

import click

from sage_local.cli.jobs import connected
from sage_local.runtime.protocol.client_messages import CancelJob, JobCancelled, JobFailed, JobFinished, StopJob


@click.command("stop")
@click.argument("job")
@click.option("--now", is_flag=True, help="Drop what is in flight instead of draining it.")
@click.option("--drain", is_flag=True, help="End the streams for good: every window and timer fires.")
def command(job: str, *, now: bool, drain: bool) -> None:
    """Stop the job with this id or name, and wait until it is over.

    Its sources end and everything in flight drains, as after Ctrl-C.
    """
    if now and drain:
        raise click.UsageError("--now drops what is in flight and --drain ends the streams in order: give one of them")
    with connected(job) as connection:
        connection.send(CancelJob() if now else StopJob(drain))
        ended = connection.wait()
    match ended:
        case JobFinished():
            click.echo(f"job {connection.job_id} finished")
        case JobCancelled():
            click.echo(f"job {connection.job_id} cancelled")
        case JobFailed():
            raise click.ClickException(f"job {connection.job_id} failed while it was stopped; logs: {ended.log_dir}")
        case None:
            raise click.ClickException(f"job {connection.job_id}: its coordinator is gone without a word")
