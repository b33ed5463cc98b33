"""``sage bench run``: measure workloads."""

import sys
from pathlib import Path

import click

from sage_local.bench.catalog import UnknownWorkload, built_in, find
from sage_local.bench.machine import machine
from sage_local.bench.measuring import ContestantFailed, measure
from sage_local.bench.results import Results, WorkloadResult, write_results
from sage_local.cli.bench.report import console, progress_line, show_workload
from sage_local.cli.exits import EXIT_FAILED
from sage_local.cli.numbers import Number, WholeNumber
from sage_local.cli.output_file import OutputFile, writing
from sage_local.cli.report import report


@click.command("run")
@click.argument("workloads", nargs=-1, metavar="[WORKLOAD | FILE.py]...")
@click.option("-n", "--repetitions", type=WholeNumber(min=1), default=5, show_default=True, metavar="N")
@click.option("--scale", type=Number(min=0, min_open=True), default=1.0, metavar="X", help="X times the work.")
@click.option("--json", "json_file", type=OutputFile(), metavar="FILE", help="Write all that was measured there.")
@click.option("--html", "html_file", type=OutputFile(), metavar="FILE", help="Write a page with plots there.")
@click.option("--check-goals", is_flag=True, help="End with exit code 1 when a goal is missed.")
def command(
    workloads: tuple[str, ...],
    *,
    repetitions: int,
    scale: float,
    json_file: Path | None,
    html_file: Path | None,
    check_goals: bool,
) -> None:
    """Measure workloads, all of them by default.

    Contestants run in fresh processes, in turns. A wrong result ends the run. FILE.py defines workloads of its own.
    """
    try:
        wanted = find(workloads) if workloads else built_in()
    except UnknownWorkload as error:
        raise click.UsageError(str(error)) from error
    except Exception as error:  # of a file's own: the edge of this process
        report(error, sys.stderr)
        raise SystemExit(EXIT_FAILED) from error
    described = machine()
    done: list[WorkloadResult] = []
    out = console()
    with progress_line() as progress:
        for found in wanted:
            try:
                done.append(measure(found, repetitions, scale, progress))
            except ContestantFailed as error:
                raise click.ClickException(str(error)) from error
            show_workload(done[-1], out)
    if scale != 1:
        out.print(f"Goals are meant for --scale 1, not {scale:g}.")
    results = Results(described, repetitions, tuple(done), scale)
    if json_file is not None:
        with writing(json_file):
            write_results(results, json_file)
    if html_file is not None:
        from sage_local.bench.page import results_page

        with writing(html_file):
            html_file.write_text(results_page(results), encoding="utf-8")
    if check_goals and any(figure.is_reached is False for each in done for figure in each.figures):
        raise SystemExit(EXIT_FAILED)
