"""``sage run local``: runs a program on this machine."""

import sys
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import click

from sage_local.api.overrides import Overrides, overriding
from sage_local.cli.exits import EXIT_FAILED, EXIT_INTERRUPTED, EXIT_STDOUT_CLOSED, stdout_is_closed
from sage_local.cli.output_file import OutputFile, writing
from sage_local.cli.program_options import program_options
from sage_local.cli.report import report, results_text
from sage_local.cli.script import run_script
from sage_local.cli.settings_input import command_line_layer
from sage_local.cli.signals import SignalWatch
from sage_local.plan.physical import Plan
from sage_local.runtime.job import JobResult


class RunGroup(click.Group):
    """Knows what is meant by ``sage run FILE.py``."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that ``args`` begin with."""
        if args[0] not in self.commands and Path(args[0]).suffix == ".py":
            raise click.UsageError(f"expected where to run, found {args[0]}: sage run local {' '.join(args)}", ctx)
        return super().resolve_command(ctx, args)


@click.group("run", cls=RunGroup)
def command() -> None:
    """Run a program."""


@command.command("local")
@click.option(
    "--result",
    "result_file",
    type=OutputFile(),
    metavar="FILE",
    help="Write what each finished job did there, as JSON.",
)
@program_options
def local(file: Path, args: tuple[str, ...], *, result_file: Path | None, **options: Any) -> None:
    """Run a Python file on this machine; its jobs take the settings given here over all others.

    Whatever stands behind -- is for the program.
    """
    layer = command_line_layer(**options)
    jobs: list[Plan] = []
    results: list[JobResult] = []

    with _progress_line() as line:
        overrides = Overrides(
            layers=(layer,),
            on_planned=jobs.append,
            on_progress=line.show if line else None,
            on_result=results.append,
        )
        with overriding(overrides):
            code = execute(file, args)
    if result_file is not None:
        with writing(result_file):
            result_file.write_text(results_text(results), encoding="utf-8")
    if code == 0 and not jobs:
        click.echo(f"sage: {file} ended without submitting a job", err=True)
    raise SystemExit(code)


def execute(file: Path, arguments: tuple[str, ...]) -> int:
    """Run ``file``; the exit code. An error of the program is shown here, once."""
    with SignalWatch() as signals:
        code = _execute(file, arguments)
        number = signals.first()
    return code if number is None else 128 + number


def _execute(file: Path, arguments: tuple[str, ...]) -> int:
    try:
        run_script(file, arguments)
        sys.stdout.flush()
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    except Exception as error:  # the edge of this process
        # Inline, printing is a part of the job.
        if isinstance(error.__cause__ or error, BrokenPipeError) and stdout_is_closed():
            return EXIT_STDOUT_CLOSED
        report(error, sys.stderr)
        return EXIT_FAILED
    return 0


def _progress_line() -> AbstractContextManager[Any]:
    """Only where somebody looks at both: output in a pipe stays plain, and a pager has the screen for itself."""
    if not (sys.stdout.isatty() and sys.stderr.isatty()):
        return nullcontext()
    from sage_local.cli.progress import ProgressLine

    return ProgressLine()
