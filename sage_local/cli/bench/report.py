"""Results as tables on a terminal; in a pipe as wide as they need to be."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from sage_local.bench.measuring import Progress
from sage_local.bench.results import ContestantResult, FigureResult, Spread, WorkloadResult
from sage_local.bench.units import amount, in_order, number, shown, title

_WIDTH_IN_PIPE = 160
_WITH_SPREAD = ("seconds", "cpu_s_per_million")


def console(stream: IO[str] | None = None) -> Console:
    """For ``stream``, or standard output."""
    file = stream or sys.stdout
    return Console(file=file, highlight=False, width=None if file.isatty() else _WIDTH_IN_PIPE)


@contextmanager
def progress_line() -> Iterator[Progress]:
    """A line on standard error while somebody looks at it."""
    if not sys.stderr.isatty():
        yield lambda text: None
        return
    with console(sys.stderr).status("") as status:
        yield status.update


def show_workload(result: WorkloadResult, out: Console) -> None:
    """A table of its contestants, and its figures beside their goals."""
    out.print(f"[bold]{result.name}[/]: {result.title}; {amount(result.records)}")
    measures = in_order(name for each in result.contestants.values() for name in each.measures)
    drawn = Table(box=SIMPLE_HEAD, pad_edge=False)
    drawn.add_column("contestant")
    drawn.add_column("role")
    for measure in measures:
        drawn.add_column(title(measure), justify="right")
    for name, contestant in result.contestants.items():
        drawn.add_row(name, contestant.role.value, *_cells(contestant, measures))
    out.print(drawn)
    for figure in result.figures:
        out.print(f"  {told(figure)}", style=_style(figure))
    out.print()


def _cells(contestant: ContestantResult, measures: list[str]) -> list[str]:
    if contestant.skipped is not None:
        return [contestant.skipped, *("" for _ in measures[1:])]
    return [_cell(measure, contestant.measures.get(measure)) for measure in measures]


def _cell(measure: str, spread: Spread | None) -> str:
    if spread is None:
        return "—"
    middle = shown(measure, spread.median)
    if measure not in _WITH_SPREAD or len(spread.values) == 1:
        return middle
    return f"{middle} ({shown(measure, spread.low)} … {shown(measure, spread.high)})"


def told(figure: FigureResult) -> str:
    """A figure in one line, with a sign for whether its goal is reached."""
    sign = {True: "✓", False: "✗", None: " "}[figure.is_reached]
    goal = "" if figure.goal is None else f", goal {'≤' if figure.at_most else '≥'} {figure.goal:g}"
    if figure.spread is None:
        return f"{sign} {figure.name}: not measured{goal}"
    spread = figure.spread
    bounds = f" ({number(spread.low)} … {number(spread.high)})" if len(spread.values) > 1 else ""
    return f"{sign} {figure.name}: {number(spread.median)}{bounds}{goal}"


def _style(figure: FigureResult) -> str:
    return {True: "green", False: "red", None: ""}[figure.is_reached]
