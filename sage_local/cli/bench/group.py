"""The group of the commands of ``sage bench``."""

import signal
from typing import NoReturn

import click

from sage_local.cli.exits import EXIT_TERMINATED
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
    # By an exception, so that what runs is ended and the input, up to a gigabyte, is removed.
    signal.signal(signal.SIGTERM, _leave)


def _leave(*_: object) -> NoReturn:
    raise SystemExit(EXIT_TERMINATED)
