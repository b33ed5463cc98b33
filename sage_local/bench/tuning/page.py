"""What came of a search, as one HTML page that needs nothing from elsewhere."""

from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from sage_local.bench.page import html_table, machine_table, page
from sage_local.bench.plot import points
from sage_local.bench.results import Spread
from sage_local.bench.tuning.search import Candidate, Outcome, Sweep
from sage_local.bench.units import number

HEAD = ("setting", "records / s", "CPU s / million", "peak, MB", "runs", "")
_RATE, _CPU = "#1a7f5a", "#b8860b"


def rows(sweep: Sweep) -> list[tuple[str, ...]]:
    """A row for each value under ``HEAD``."""
    return [_row(sweep, candidate) for candidate in sweep.candidates]


def _row(sweep: Sweep, candidate: Candidate) -> tuple[str, ...]:
    if not candidate.trials:
        return (label(candidate), "—", "—", "—", "0", _first_line(candidate.failure or ""))
    remark = "best" if candidate is sweep.winner and candidate.value is not None else ""
    measures = (with_bounds(candidate.rate), with_bounds(candidate.cpu), number(candidate.peak_bytes / 1e6))
    return (label(candidate), *measures, str(len(candidate.trials)), _first_line(candidate.failure or remark))


def label(candidate: Candidate) -> str:
    """The value tried."""
    return "as it is" if candidate.value is None else candidate.value


def with_bounds(spread: Spread) -> str:
    """The median with the least and the greatest, where there are several."""
    if len(spread.values) == 1:
        return number(spread.median)
    return f"{number(spread.median)} ({number(spread.low)} … {number(spread.high)})"


def _first_line(text: str) -> str:
    return text.strip().rpartition("\n")[2]


def tuning_page(file: Path, outcome: Outcome, advice: Sequence[str], machine: Mapping[str, Any]) -> str:
    """The advice first, then a plot and a table for each setting."""
    told = "".join(f"<p>{escape(line)}</p>\n" for line in advice)
    return page(f"sage bench tune {file.name}", [told, *map(_section, outcome.sweeps), machine_table(machine)])


def _section(sweep: Sweep) -> str:
    return f"<h2>{escape(sweep.key)}</h2>\n{sweep_plot(sweep)}{html_table(HEAD, rows(sweep))}"


def sweep_plot(sweep: Sweep) -> str:
    """Rates, and CPU time in a plot of its own, as SVG."""
    ticks = [label(candidate) for candidate in sweep.candidates]
    rates = [candidate.rate if candidate.trials else None for candidate in sweep.candidates]
    costs = [candidate.cpu if candidate.trials else None for candidate in sweep.candidates]
    return points(f"{sweep.key}: records / s", ticks, rates, _RATE) + points(
        f"{sweep.key}: CPU s / million records", ticks, costs, _CPU
    )
