"""The group of the commands of ``sage bench``."""

import click

from sage_local.cli.group import LazyGroup


@click.group(
    "bench",
    cls=LazyGroup,
    modules={
        "list": "sage_local.cli.bench.list",
        "run": "sage_local.cli.bench.run",
        "tune": "sage_local.cli.bench.tune",
        "compare": "sage_local.cli.bench.compare",
    },
)
def command() -> None:
    """Measure this engine, and your programs, on this machine."""
