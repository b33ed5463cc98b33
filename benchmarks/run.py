"""Measure rows of the speed table: ``python benchmarks/run.py [ROW ...] [-n REPETITIONS] [--json FILE]``.

The contestants of a row run in turns, each in fresh processes; figures are made of medians. Beside each contestant
stand the CPU time and the peak memory of its whole process tree. Exits with 1 when a goal is missed.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from _table import HERE, LIMITS, ROWS, Figure, Row

from sage_local.bench.harness import Summary, interleave, machine

NATIVE = HERE.parent / "native"
_NAMES = [row.name for row in ROWS]


def main() -> int:
    arguments = _arguments()
    with tempfile.TemporaryDirectory() as folder:
        limits = _compiled(Path(folder))
        results = [
            _measure(row, limits, arguments.repetitions) for row in ROWS if row.name in (arguments.rows or _NAMES)
        ]
    if arguments.json:
        Path(arguments.json).write_text(json.dumps({"machine": machine(), "rows": results}, indent=1) + "\n")
    return 0 if all(figure["is_reached"] in (True, None) for row in results for figure in row["figures"]) else 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    # Not by ``choices``: before Python 3.12 they refuse the default of an argument that may be left out.
    parser.add_argument("rows", nargs="*", metavar="ROW", help=", ".join(_NAMES))
    parser.add_argument("-n", "--repetitions", type=int, default=5)
    parser.add_argument("--json", metavar="FILE", help="write everything measured there")
    arguments = parser.parse_args()
    if unknown := set(arguments.rows).difference(_NAMES):
        parser.error(f"no such row: {', '.join(sorted(unknown))} (choose from {', '.join(_NAMES)})")
    return arguments


def _compiled(folder: Path) -> str:
    program = folder / "limits"
    sources = [HERE / "native" / "limits.c", NATIVE / "ring.c", NATIVE / "doorbell.c"]
    subprocess.run(["cc", "-O2", "-std=c11", "-o", program, *sources], check=True)
    return str(program)


def _measure(row: Row, limits: str, repetitions: int) -> dict[str, Any]:
    print(f"{row.name}: {row.title}", flush=True)
    commands = {name: _with(limits, command) for name, command in row.contestants.items()}
    runs = interleave(commands, repetitions)
    figures = row.figures(runs)
    for name, run in runs.items():
        print(f"    {_told(name, run)}")
    for figure in figures:
        print(f"  {_judged(figure)}", flush=True)
    return {
        "name": row.name,
        "title": row.title,
        "contestants": {name: asdict(run) for name, run in runs.items()},
        "figures": [asdict(figure) | {"is_reached": figure.is_reached} for figure in figures],
    }


def _with(limits: str, command: Sequence[str]) -> list[str]:
    return [limits if word == LIMITS else word for word in command]


def _told(name: str, run: Summary) -> str:
    return (
        f"{name:16} {run.seconds:9.4f} s ({run.fastest_s:.4f} … {run.slowest_s:.4f}), {run.records} records,"
        f" CPU {run.cpu_s:.2f} s, peak {run.peak_bytes / 1e6:.0f} MB"
    )


def _judged(figure: Figure) -> str:
    told = f"{figure.name}: {figure.value:.3g}"
    if figure.goal is None:
        return f"  {told}"
    sign = "≤" if figure.at_most else "≥"
    return f"{'✓' if figure.is_reached else '✗'} {told} (goal {sign} {figure.goal:g})"


if __name__ == "__main__":
    sys.exit(main())
