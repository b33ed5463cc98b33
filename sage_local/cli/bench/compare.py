"""``sage bench compare``: what got faster or slower."""

from collections.abc import Sequence
from pathlib import Path

import click
from rich.box import SIMPLE_HEAD
from rich.table import Table

from sage_local.bench.comparison import Change, compare
from sage_local.bench.results import BadResults, read_results
from sage_local.bench.units import shown, title
from sage_local.cli.bench.report import console
from sage_local.cli.exits import EXIT_FAILED

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command("compare")
@click.argument("old", type=_FILE)
@click.argument("new", type=_FILE)
def command(*, old: Path, new: Path) -> None:
    """Compare two files written by sage bench run --json.

    Ends with exit code 1 when one of our contestants got worse by more than repetitions differ from each other.
    """
    try:
        found = compare(read_results(old), read_results(new))
    except BadResults as error:
        raise click.UsageError(str(error)) from error
    for warning in found.warnings:
        click.echo(f"Warning: {warning}", err=True)
    if found.moved:
        click.echo("Warning: floors or peers have changed too, so the machine may have", err=True)
        _show("changed without us", found.moved)
    _show("changed", found.changes)
    worse = sum(not change.is_better for change in found.changes)
    click.echo(f"{len(found.changes) - worse} better, {worse} worse, {found.same} as before")
    if found.has_regressions:
        raise SystemExit(EXIT_FAILED)


def _show(heading: str, changes: Sequence[Change]) -> None:
    if not changes:
        return
    drawn = Table(box=SIMPLE_HEAD, pad_edge=False, title=heading, title_justify="left")
    for column in ("workload", "contestant", "measure"):
        drawn.add_column(column)
    for column in ("old", "new", "new / old"):
        drawn.add_column(column, justify="right")
    for change in changes:
        style = "green" if change.is_better else "red"
        cells = (change.workload, change.contestant, title(change.measure), *_values(change))
        drawn.add_row(*cells, f"{change.factor:.2f} {'better' if change.is_better else 'worse'}", style=style)
    console().print(drawn)


def _values(change: Change) -> tuple[str, str]:
    old, new = (
        f"{shown(change.measure, spread.median)}"
        f" ({shown(change.measure, spread.low)} … {shown(change.measure, spread.high)})"
        for spread in (change.old, change.new)
    )
    return old, new
