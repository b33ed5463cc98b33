"""``sage plan``: how a program would run."""

from pathlib import Path
from typing import Any

import click

from sage_local.api.overrides import Overrides, Planned, no_further, overriding
from sage_local.api.submission import rendered
from sage_local.cli.exits import EXIT_FAILED
from sage_local.cli.program_options import program_options
from sage_local.cli.run import execute
from sage_local.cli.settings_input import command_line_layer


@click.command("plan")
@click.option("--mermaid", is_flag=True, help="Print a Mermaid diagram.")
@program_options
def command(file: Path, args: tuple[str, ...], *, mermaid: bool, **options: Any) -> None:
    """Print how a Python file's first job would run, and run nothing.

    The file is executed up to its first submit.
    """
    layer = command_line_layer(**options)
    try:
        with overriding(Overrides(layers=(layer,), on_planned=no_further)):
            code = execute(file, args)
    except Planned as planned:
        click.echo(rendered(planned.plan, mermaid=mermaid), nl=False)
        return
    if code == 0:
        click.echo(f"Error: {file} ended without submitting a job", err=True)
    raise SystemExit(code or EXIT_FAILED)
