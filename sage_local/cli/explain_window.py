"""``sage explain-window``: why a window of a running job has not fired."""

import ast
import pickle

import click

from sage_local.cli.jobs import connected
from sage_local.runtime.protocol.client_messages import AskWindows, WindowReport


@click.command("explain-window")
@click.argument("job")
@click.argument("operator")
@click.argument("key", required=False)
def command(job: str, operator: str, key: str | None) -> None:
    """Say why windows of OPERATOR in the running JOB (by id or name) have not fired.

    Shows how far event time has come on each input, which one holds back the others and whether it is idle, and the
    windows that wait. With KEY, those with records of that key: text, or a Python literal like 42 or "('a', 1)".
    """
    keys = None if key is None else pickle.dumps(meant(key))
    with connected(job) as connection:
        connection.send(AskWindows(1, operator, keys, key))
        reply = connection.answer(WindowReport)
    if reply is None:
        raise click.ClickException(f"job {connection.job_id} has ended")
    if reply.explanation is None:
        raise click.ClickException(f"job {connection.job_id}: {reply.problem}")
    click.echo(str(reply.explanation))


def meant(key: str) -> tuple[object, ...]:
    """The keys that someone who types ``key`` may mean: the text itself, and what it is in Python."""
    try:
        literal = ast.literal_eval(key)
        hash(literal)
    except (SyntaxError, TypeError, ValueError):
        return (key,)
    return (key,) if literal == key else (key, literal)
