"""The group of all commands, and what becomes of an exception that reaches it."""

import importlib
import os
import sys
from typing import NoReturn

import click

from sage_local.cli.exits import EXIT_FAILED, EXIT_INTERRUPTED, EXIT_STDOUT_CLOSED, stdout_is_closed
from sage_local.errors import SageError


class LazyGroup(click.Group):
    """Imports a command's module when it is called or listed; each holds it as ``command``."""

    def __init__(self, *args: object, modules: dict[str, str], **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]  # handed through as given
        self._modules = modules

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names, in the order in which people meet them."""
        return list(self._modules)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name."""
        if cmd_name not in self._modules:
            return None
        command: click.Command = importlib.import_module(self._modules[cmd_name]).command
        return command


def show_version(ctx: click.Context, _parameter: click.Parameter, wanted: bool) -> None:
    """The version of the installed distribution."""
    if not wanted or ctx.resilient_parsing:
        return
    from importlib.metadata import version  # slow to import, and of use to nobody else

    click.echo(f"sage {version('sage-kernel')}")
    ctx.exit()


@click.group(
    cls=LazyGroup,
    name="sage",
    context_settings={"help_option_names": ["-h", "--help"]},
    modules={
        "run": "sage_local.cli.run",
        "plan": "sage_local.cli.plan",
        "list": "sage_local.cli.list",
        "stack": "sage_local.cli.stack",
        "explain-window": "sage_local.cli.explain_window",
        "stop": "sage_local.cli.stop",
        "checkpoint": "sage_local.cli.checkpoint",
        "bench": "sage_local.cli.bench.group",
        "check-env": "sage_local.cli.check_env",
    },
)
@click.option("--version", is_flag=True, is_eager=True, expose_value=False, callback=show_version, help="The version.")
def sage() -> None:
    """Runs stream-processing programs on this machine, and looks at those that are running."""


def run_group() -> NoReturn:
    """Run the command in ``sys.argv``; every way it can end becomes an exit code."""
    _replace_missing_streams()
    try:
        sys.exit(_exit_code())
    finally:
        if stdout_is_closed():
            # The interpreter flushes once more on its way out, and would complain.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _replace_missing_streams() -> None:
    """Where a stream was closed before we started (``>&-``), Python has none; what is written there goes nowhere."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            descriptor = os.open(os.devnull, os.O_WRONLY)
            setattr(sys, name, open(descriptor, "w", closefd=False))  # noqa: SIM115  # open as long as the process


def _exit_code() -> int:
    try:
        sage.main(prog_name="sage", standalone_mode=False)
        sys.stdout.flush()
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except SageError as error:
        click.echo(f"Error: {error}", err=True)
        return EXIT_FAILED
    except (KeyboardInterrupt, click.Abort):
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        if not stdout_is_closed():
            raise
        return EXIT_STDOUT_CLOSED
    return 0
