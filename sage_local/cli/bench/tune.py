"""``sage bench tune``: the settings under which a program runs fastest."""

import os
from collections.abc import Callable, Generator
from pathlib import Path

import click
from rich.box import SIMPLE_HEAD
from rich.table import Table

from sage_local.bench.machine import machine
from sage_local.bench.measuring import Progress
from sage_local.bench.tuning.advice import recommendation, remarks
from sage_local.bench.tuning.page import HEAD, rows, tuning_page
from sage_local.bench.tuning.results import write_outcome
from sage_local.bench.tuning.search import Answer, Candidate, Outcome, Sweep, knobs, most_runs, search
from sage_local.bench.tuning.trial import Settings, Trial, TrialFailed, options, run_trial
from sage_local.cli.bench.report import console, progress_line
from sage_local.cli.numbers import Number, WholeNumber
from sage_local.cli.output_file import OutputFile, writing
from sage_local.cli.settings_input import parse_assignments


@click.command("tune")
@click.option("-n", "--repetitions", type=WholeNumber(min=1), default=3, show_default=True, metavar="N")
@click.option(
    "--seconds",
    type=Number(min=1),
    default=30.0,
    show_default=True,
    metavar="S",
    help="A run that takes longer is stopped, and judged by what it has done.",
)
@click.option("--set", "assignments", multiple=True, metavar="KEY=VALUE", help="Fixed in all runs; may be repeated.")
@click.option("--json", "json_file", type=OutputFile(), metavar="FILE", help="Write all that was measured there.")
@click.option("--html", "html_file", type=OutputFile(), metavar="FILE", help="Write a page with plots there.")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path), metavar="FILE.py")
@click.argument("args", nargs=-1, type=click.UNPROCESSED, metavar="[-- ARGS]...")
def command(
    file: Path,
    args: tuple[str, ...],
    *,
    repetitions: int,
    seconds: float,
    assignments: tuple[str, ...],
    json_file: Path | None,
    html_file: Path | None,
) -> None:
    """Try settings on a program that sage run local runs, and recommend some.

    The program runs many times, as sage run local runs it; what it prints is dropped. Parallelism, batch size,
    buffer.timeout and ring size are tried one after the other.
    """
    fixed = [word for assignment in assignments for word in ("--set", assignment)]
    tried = knobs(len(os.sched_getaffinity(0)), tuple(parse_assignments(assignments)))
    out = console()
    out.print(f"At most {most_runs(tried, repetitions)} runs of {file}, each of at most {seconds:g} s.")
    with progress_line() as progress:
        outcome = _searched(
            search(tried, repetitions),
            lambda settings: run_trial(file, args, settings, seconds, fixed),
            progress,
        )
    for sweep in outcome.sweeps:
        out.print(_table(sweep))
    advice = [*remarks(outcome), *recommendation(outcome, ["sage", "run", "local", *fixed], [str(file), *args])]
    for line in advice:
        out.print(line, soft_wrap=True, markup=False)
    described = machine()
    if json_file is not None:
        with writing(json_file):
            write_outcome(outcome, advice, described, json_file)
    if html_file is not None:
        with writing(html_file):
            html_file.write_text(tuning_page(file, outcome, advice, described), encoding="utf-8")


def _searched(
    steps: Generator[tuple[str, Candidate], Answer, Outcome], run: Callable[[Settings], Trial], progress: Progress
) -> Outcome:
    """A program that fails as it is is an error; one that fails under a setting is an answer."""
    try:
        name, candidate = next(steps)
        while True:
            progress(f"{name}: {' '.join(options(candidate.settings)) or 'as it is'}")
            try:
                answer: Answer = run(candidate.settings)
            except TrialFailed as error:
                if not candidate.settings:
                    raise click.ClickException(str(error)) from error
                answer = str(error)
            name, candidate = steps.send(answer)
    except StopIteration as end:
        outcome: Outcome = end.value
        return outcome


def _table(sweep: Sweep) -> Table:
    drawn = Table(box=SIMPLE_HEAD, pad_edge=False, title=sweep.key, title_justify="left")
    for place, column in enumerate(HEAD):
        drawn.add_column(column, justify="right" if 0 < place < len(HEAD) - 1 else "left")
    for row, candidate in zip(rows(sweep), sweep.candidates, strict=True):
        drawn.add_row(*row, style="green" if candidate is sweep.winner and candidate.value is not None else "")
    return drawn
