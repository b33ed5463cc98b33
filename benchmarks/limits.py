"""The C ring and doorbell against what the machine allows: ``sage bench run benchmarks/limits.py``. Needs a C compiler.

The programs are made of ``native/limits.c`` beside this file and of the C sources of the engine.
"""

import json
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from sage_local.bench.compete import compete
from sage_local.bench.workload import Contestant, Figure, Round, Timed, Workload, floor, sage
from sage_local.bench.workloads import latency

HERE = Path(__file__).parent
NATIVE = HERE.parent / "native"


def compile_limits(folder: Path, records: int) -> None:
    sources = [HERE / "native" / "limits.c", NATIVE / "ring.c", NATIVE / "doorbell.c"]
    subprocess.run(["cc", "-O2", "-std=c11", "-o", folder / "limits", *sources], check=True)


def limits(*arguments: object) -> Callable[[Path, int], Timed]:
    """Run the C program, which takes its own time, and chooses its amount of work itself."""

    def run(folder: Path, records: int) -> Timed:
        command = [folder / "limits", *map(str, arguments)]
        report: dict[str, Any] = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
        seconds, count = report.pop("seconds"), report.pop("records")
        return Timed(records, seconds, report, count)

    return run


def _sizes(*sizes: int) -> dict[str, Contestant]:
    pairs = ((floor, "copy"), (sage, "ring"))
    return {f"{what} {size}": kind(limits(what, size)) for size in sizes for kind, what in pairs}


def _of_copy_limit(size: int, goal: float) -> Figure:
    def of(the: Round) -> float:
        return the(f"ring {size}", "bytes_per_s") / the(f"copy {size}", "bytes_per_s")

    return Figure(f"ring / copy limit of two processes, {size >> 10} KiB", of, goal)


def _of_ns(name: str, subject: str, floor_: str, goal: float) -> Figure:
    return Figure(name, lambda the: the(subject, "ns_per_record") / the(floor_, "ns_per_record"), goal, at_most=True)


def _latency(rate: int) -> Workload:
    def against_futex(the: Round) -> float:
        return the("2 workers", "p50_us") / the("futex", "p50_us")

    floors = {"futex": floor(limits("handover", rate))}
    figures = (Figure("p50 / futex", against_futex, 3, at_most=True),)
    return replace(latency.workload(f"latency_futex_{rate}", rate, floors, figures), prepare=compile_limits)


WORKLOADS = (
    Workload(
        name="ring",
        title="the C ring against the copy limit of two processes",
        records=1,
        check=None,
        prepare=compile_limits,
        contestants=_sizes(64, 64 << 10, 256 << 10),
        figures=(
            Figure("M records/s of 64 B", lambda the: the("ring 64", "records_per_s") / 1e6, 40),
            _of_copy_limit(64 << 10, 0.8),
            _of_copy_limit(256 << 10, 0.8),
        ),
    ),
    Workload(
        name="native_round_trip",
        title="C round trip, spinning and parked",
        records=1,
        check=None,
        prepare=compile_limits,
        contestants={
            "pingpong": floor(limits("pingpong")),
            "ring-spin": sage(limits("ring-spin")),
            "futex": floor(limits("futex")),
            "ring-park": sage(limits("ring-park")),
        },
        figures=(
            _of_ns("spinning / cache-line ping-pong", "ring-spin", "pingpong", 1.25),
            _of_ns("parked / futex", "ring-park", "futex", 1.2),
        ),
    ),
    _latency(1_000),
    _latency(10_000),
)

if __name__ == "__main__":
    compete(WORKLOADS)
