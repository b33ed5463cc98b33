"""The options that every command which executes a program takes."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from sage_local.cli.numbers import WholeNumber

F = TypeVar("F", bound=Callable[..., Any])

_OPTIONS = (
    click.option("--parallelism", type=WholeNumber(min=1), metavar="N", help="Subtasks of each operator."),
    click.option("--set", "assignments", multiple=True, metavar="KEY=VALUE", help="One setting; may be repeated."),
    click.option(
        "--config",
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
        metavar="FILE",
        help="Settings in a .toml, .json or .yaml file.",
    ),
    click.option("--resume", is_flag=True, help="Go on from the job's latest checkpoint."),
    click.option("--restore", metavar="PATH", help="Begin with this checkpoint: a job's directory, or a chk-N in it."),
    click.option(
        "--allow-non-restored-state",
        is_flag=True,
        help="Leave behind state of operators that the program no longer has.",
    ),
    click.option("--inline", is_flag=True, help="Run everything in this process, for a debugger."),
    click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path), metavar="FILE.py"),
    click.argument("args", nargs=-1, type=click.UNPROCESSED, metavar="[-- ARGS]..."),
)


def program_options(function: F) -> F:
    """Adds the options; ``function`` gets ``file``, ``args`` and what ``command_line_layer`` takes."""
    for option in reversed(_OPTIONS):
        function = option(function)
    return function
