"""Draw results of ``run.py`` as SVG: ``python benchmarks/peers/plot.py FOLDER RESULTS.json ...``."""

import sys
from pathlib import Path

from sage_local.bench.page import COLOURS
from sage_local.bench.plot import Bar, bars
from sage_local.bench.results import WorkloadResult, read_results
from sage_local.bench.units import title

MEASURE = "cpu_s_per_million"
"""Busy neighbours and a second core make elapsed time another, and this least of all."""


def main() -> None:
    folder, *files = map(Path, sys.argv[1:])
    folder.mkdir(parents=True, exist_ok=True)
    for file in files:
        for workload in read_results(file).workloads:
            (folder / f"{workload.name}.svg").write_text(drawn(workload), encoding="utf-8")


def drawn(workload: WorkloadResult) -> str:
    rows = [
        Bar(name, each.measures[MEASURE], COLOURS[each.role])
        for name, each in workload.contestants.items()
        if MEASURE in each.measures
    ]
    return bars(f"{workload.title}: {title(MEASURE)}", rows)


if __name__ == "__main__":
    main()
