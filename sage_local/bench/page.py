"""Results as one HTML page that needs nothing from elsewhere."""

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

from sage_local.bench.plot import Bar, bars
from sage_local.bench.results import ContestantResult, FigureResult, Results, WorkloadResult
from sage_local.bench.units import amount, in_order, number, shown, title
from sage_local.bench.workload import Role

COLOURS = {Role.FLOOR: "#8c959f", Role.SAGE: "#1a7f5a", Role.PEER: "#b8860b"}
_PLOTTED = ("cpu_s_per_million", "seconds")
_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; color: #1f2328; max-width: 60em; margin: 2em auto; padding: 0 1em; }
table { border-collapse: collapse; margin: 1em 0; display: block; overflow-x: auto; }
th, td { padding: 0.25em 0.9em 0.25em 0; text-align: right; border-bottom: 1px solid #d8dee4; white-space: nowrap; }
th:first-child, td:first-child, .machine td { text-align: left; }
svg { max-width: 100%; height: auto; display: block; margin: 0.5em 0; }
.reached { color: #1a7f37; } .missed { color: #cf222e; } small, .faint { color: #656d76; }
"""


def results_page(results: Results) -> str:
    """A section for each workload: its plot, its table, its figures beside their goals."""
    sections = [_section(workload) for workload in results.workloads]
    count = f"{results.repetitions} interleaved repetition{'s' if results.repetitions > 1 else ''}"
    scaled = "" if results.scale == 1 else f" {results.scale:g} times the work that goals are meant for."
    note = (
        f"<p>Medians of {count} in fresh processes; whiskers are the least and the greatest value."
        f" CPU time is that of all processes. Start-up, the cost of a run without work, is subtracted.{scaled}</p>"
    )
    return page("sage bench", [note, _legend(), *sections, machine_table(results.machine)])


def page(heading: str, parts: Iterable[str]) -> str:
    """A whole page around ``parts``, which are HTML."""
    return (
        f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>{escape(heading)}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style></head>\n'
        f"<body><h1>{escape(heading)}</h1>\n{''.join(parts)}</body></html>\n"
    )


def html_table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Cells are text."""
    body = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>\n" for row in rows)
    return f"<table><tr>{''.join(f'<th>{escape(cell)}</th>' for cell in head)}</tr>\n{body}</table>\n"


def machine_table(machine: Mapping[str, Any]) -> str:
    """The description of the machine."""
    packages = ", ".join(f"{name} {version}" for name, version in machine.get("packages", {}).items())
    told = {**machine, "memory": f"{machine['memory_bytes'] / 2**30:.1f} GiB", "packages": packages}
    del told["memory_bytes"]
    rows = [(key, str(value)) for key, value in told.items()]
    return f'<h2>Machine</h2>\n<div class="machine">{html_table((), rows)}</div>\n'


def workload_plot(workload: WorkloadResult) -> str | None:
    """Bars of what the contestants cost, as SVG; None where nothing that can be plotted was measured."""
    for measure in _PLOTTED:
        rows = [
            Bar(name, each.measures[measure], COLOURS[each.role])
            for name, each in workload.contestants.items()
            if measure in each.measures
        ]
        if rows:
            return bars(f"{workload.name}: {title(measure)}", rows)
    return None


def _legend() -> str:
    spans = (f'<span style="color:{colour}">■</span> {role.value}' for role, colour in COLOURS.items())
    return f"<p>{' &nbsp; '.join(spans)}</p>\n"


def _section(workload: WorkloadResult) -> str:
    measures = in_order(name for each in workload.contestants.values() for name in each.measures)
    rows = [(name, *_cells(each, measures)) for name, each in workload.contestants.items()]
    table = html_table(("contestant", *map(title, measures)), rows)
    figures = "".join(f"<li>{_figure(figure)}</li>\n" for figure in workload.figures)
    return (
        f"<h2>{escape(workload.name)}</h2>\n<p>{escape(workload.title)}; {amount(workload.records)}</p>\n"
        f"{workload_plot(workload) or ''}{table}<ul>{figures}</ul>\n"
    )


def _cells(contestant: ContestantResult, measures: Sequence[str]) -> list[str]:
    if contestant.skipped is not None:
        return [contestant.skipped, *("" for _ in measures[1:])]
    present = contestant.measures
    return [shown(measure, present[measure].median) if measure in present else "—" for measure in measures]


def _figure(figure: FigureResult) -> str:
    goal = "" if figure.goal is None else f" <small>(goal {'≤' if figure.at_most else '≥'} {figure.goal:g})</small>"
    if figure.spread is None:
        return f"{escape(figure.name)}: not measured{goal}"
    style = {True: "reached", False: "missed", None: ""}[figure.is_reached]
    spread = figure.spread
    bounds = f" <small>{number(spread.low)} … {number(spread.high)}</small>" if len(spread.values) > 1 else ""
    return f'{escape(figure.name)}: <b class="{style}">{number(spread.median)}</b>{bounds}{goal}'
