"""Running the contestants of a workload in turns, and what is made of their costs."""

import json
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from _environments import cache_folder
from _inputs import prepared
from _results import Row, check
from _table import Contestant, Workload

from sage_local.bench.measuring import ContestantFailed, figured, spreads
from sage_local.bench.process import Run, run_process
from sage_local.bench.results import ContestantResult, WorkloadResult
from sage_local.bench.workload import Round

PROGRAMS = Path(__file__).parent / "programs"
ADOPTING = str(Path(__file__).with_name("adopting.py"))
LIMIT_S = "900"
"""Whoever takes longer hangs."""

Pythons = Mapping[str | None, str]


@dataclass(frozen=True)
class Amount:
    records: int
    source: Path
    answer: list[Row]


def measured(workload: Workload, records: int, repetitions: int, pythons: Pythons) -> WorkloadResult:
    """Every contestant ``repetitions`` times in turns (a b c a b c …): a slow minute hits all alike.

    Raises ``ContestantFailed`` and ``WrongResult``.
    """
    many = _amount(workload, records)
    few = _amount(workload, min(workload.few, records // 2))
    rounds = []
    for repetition in range(1, repetitions + 1):
        measures = {}
        for name, contestant in workload.contestants.items():
            print(f"{workload.name}: {name} ({repetition} of {repetitions})", file=sys.stderr, flush=True)
            measures[name] = _measures(
                many.records - few.records,
                *(_run(workload, name, contestant, amount, pythons) for amount in (many, few)),
            )
        rounds.append(Round(measures))
    return WorkloadResult(
        workload.name,
        workload.title,
        records,
        {name: ContestantResult(each.role, spreads(rounds, name)) for name, each in workload.contestants.items()},
        tuple(figured(figure, rounds) for figure in workload.figures),
    )


def _amount(workload: Workload, records: int) -> Amount:
    return Amount(records, *prepared(workload.input, records, cache_folder()))


def _run(workload: Workload, name: str, contestant: Contestant, amount: Amount, pythons: Pythons) -> Run:
    program = str(PROGRAMS / f"{contestant.program}.py")
    task = contestant.task or workload.name
    with tempfile.TemporaryDirectory(prefix="sage-peers-") as out:
        command = [pythons[contestant.environment], program, task, str(amount.source), out, str(contestant.workers)]
        run = run_process(["timeout", LIMIT_S, sys.executable, ADOPTING, *command], contestant.variables)
        if run.exit_code != 0:
            raise ContestantFailed(f"{workload.name}: {name} exited with {run.exit_code}:\n{run.stderr.rstrip()}")
        check(f"{workload.name}: {name}", Path(out), amount.answer if contestant.emits else [])
    return replace(run, cpu_s=json.loads(run.stdout.splitlines()[-1])["cpu_s"])


def _measures(records: int, many: Run, few: Run) -> dict[str, float]:
    """``wall_s`` is with start-up; what names no start-up is without."""
    measures = {"wall_s": many.wall_s, "start_up_s": few.wall_s, "peak_bytes": float(many.peak_bytes)}
    seconds, cpu_s = many.wall_s - few.wall_s, many.cpu_s - few.cpu_s
    # Work that does not stand out from start-up was not measured.
    if seconds > 0:
        measures |= {"seconds": seconds, "records_per_s": records / seconds}
    if cpu_s > 0:
        measures |= {"cpu_s": cpu_s, "cpu_s_per_million": cpu_s / records * 1e6}
    return measures
