"""Running workloads: contestants in fresh processes, in turns, and what is made of their reports."""

import json
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sage_local.bench.catalog import Found
from sage_local.bench.process import Run, run_process
from sage_local.bench.results import ContestantResult, FigureResult, Spread, WorkloadResult
from sage_local.bench.workload import Figure, NotMeasured, Round, Workload

Progress = Callable[[str], None]
"""Told what runs now."""


class ContestantFailed(Exception):
    """A contestant exited with an error, had a wrong result, or did not report."""


@dataclass(frozen=True, slots=True)
class _Amount:
    records: int
    folder: Path


def measure(found: Found, repetitions: int, scale: float, progress: Progress) -> WorkloadResult:
    """Run every contestant ``repetitions`` times in turns (a b c a b c …): a slow minute hits all alike.

    ``scale`` multiplies the amount of work. Raises ``ContestantFailed``.
    """
    workload = found.workload
    records = max(round(workload.records * scale), workload.few or 1)
    present = [name for name, contestant in workload.contestants.items() if not contestant.missing()]
    with _prepared(workload, records, progress) as (many, few):
        rounds = []
        for repetition in range(1, repetitions + 1):
            measures = {}
            for name in present:
                progress(f"{workload.name}: {name} ({repetition} of {repetitions})")
                measures[name] = _measures(found, name, many, few)
            rounds.append(Round(measures))
    return WorkloadResult(
        workload.name,
        workload.title,
        records,
        {name: _result(workload, name, rounds) for name in workload.contestants},
        tuple(figured(figure, rounds) for figure in workload.figures),
    )


@contextmanager
def _prepared(workload: Workload, records: int, progress: Progress) -> Iterator[tuple[_Amount, _Amount | None]]:
    with tempfile.TemporaryDirectory(prefix="sage-bench-") as home:
        amounts: list[_Amount] = []
        for name, count in (("many", records), ("few", workload.few)):
            if count is None:
                continue
            amounts.append(_Amount(count, Path(home, name)))
            amounts[-1].folder.mkdir()
            if workload.prepare is not None:
                progress(f"{workload.name}: making the input of {count:,} records")
                workload.prepare(amounts[-1].folder, count)
        yield amounts[0], amounts[1] if workload.few is not None else None


def _measures(found: Found, contestant: str, many: _Amount, few: _Amount | None) -> dict[str, float]:
    run, report = _run(found, contestant, many)
    measures = {"peak_bytes": float(run.peak_bytes), **report["measures"]}
    records, seconds, cpu_s = report["records"], report["seconds"], run.cpu_s - report["check_cpu_s"]
    if few is not None:
        start, start_report = _run(found, contestant, few)
        measures |= {"start_up_s": start.wall_s, "start_up_bytes": float(start.peak_bytes)}
        records -= start_report["records"]
        seconds -= start_report["seconds"]
        cpu_s -= start.cpu_s - start_report["check_cpu_s"]
    measures["records"] = float(records)
    # Work that does not stand out from start-up was not measured.
    if seconds > 0 and records > 0:
        measures |= {"seconds": seconds} | ({"records_per_s": records / seconds} if records > 1 else {})
    if cpu_s > 0 and records > 0:
        measures |= {"cpu_s": cpu_s} | ({"cpu_s_per_million": cpu_s / records * 1e6} if records > 1 else {})
    return measures


def _run(found: Found, contestant: str, amount: _Amount) -> tuple[Run, dict[str, Any]]:
    command = [sys.executable, *found.program, found.workload.name, contestant, str(amount.records), str(amount.folder)]
    run = run_process(command)
    who = f"workload {found.workload.name}, contestant {contestant}"
    if run.exit_code != 0:
        raise ContestantFailed(f"{who} exited with {run.exit_code}:\n{run.stderr.rstrip()}")
    try:
        report = json.loads(run.stdout.splitlines()[-1])
        return run, {
            "seconds": float(report["seconds"]),
            "records": int(report["records"]),
            "check_cpu_s": float(report["check_cpu_s"]),
            "measures": dict(report["measures"]),
        }
    except (IndexError, KeyError, TypeError, ValueError) as error:
        raise ContestantFailed(
            f"{who} ended without a report as JSON in its last line; it wrote:\n{run.stdout}"
        ) from error


def _result(workload: Workload, name: str, rounds: Sequence[Round]) -> ContestantResult:
    contestant = workload.contestants[name]
    missing = contestant.missing()
    if missing:
        return ContestantResult(contestant.role, {}, f"not installed: {', '.join(missing)}")
    return ContestantResult(contestant.role, spreads(rounds, name))


def spreads(rounds: Sequence[Round], contestant: str) -> dict[str, Spread]:
    """Every measure of one contestant, with its values in all rounds that have it."""
    collected: dict[str, list[float]] = {}
    for each in rounds:
        for measure, value in each.measures[contestant].items():
            collected.setdefault(measure, []).append(value)
    return {measure: Spread(tuple(values)) for measure, values in collected.items()}


def figured(figure: Figure, rounds: Sequence[Round]) -> FigureResult:
    """``figure`` made of each round by itself; a round that lacks a measure is left out."""
    values = []
    for each in rounds:
        try:
            values.append(figure.of(each))
        except NotMeasured:
            continue
    return FigureResult(figure.name, Spread(tuple(values)) if values else None, figure.goal, figure.at_most)
