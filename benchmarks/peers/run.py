"""Measure this engine and its peers in the same run: ``python benchmarks/peers/run.py [WORKLOAD ...]``.

Every peer has a virtual environment of its own, made at first use and kept in the user's cache. The contestants of a
workload run in turns, each with all records and with next to none: what the latter costs is start-up. What a contestant
computed is held against the answer after every run; a wrong result ends the whole.
"""

import argparse
import subprocess
import sys
from pathlib import Path

from _environments import ENVIRONMENTS, MissingPart, cache_folder, python_of
from _measuring import Pythons, measured
from _table import WORKLOADS, Workload, without

from sage_local.bench.machine import machine
from sage_local.bench.measuring import ContestantFailed
from sage_local.bench.results import Results, WorkloadResult, write_results
from sage_local.bench.workload import WrongResult
from sage_local.cli.bench.report import console, show_workload


def main() -> int:
    arguments = _arguments()
    chosen = [
        without(each, arguments.without) for each in WORKLOADS if each.name in (arguments.workloads or [each.name])
    ]
    pythons = _pythons(chosen)
    if pythons is None or arguments.install:
        return 1 if pythons is None else 0
    described = machine() | {"peers": {name: ENVIRONMENTS[name].requirements for name in pythons if name is not None}}
    done: list[WorkloadResult] = []
    for workload in chosen:
        try:
            done.append(measured(workload, arguments.records or workload.records, arguments.repetitions, pythons))
        except (WrongResult, ContestantFailed) as error:
            print(error, file=sys.stderr)
            return 1
        show_workload(done[-1], console())
        if arguments.json:
            write_results(Results(described, arguments.repetitions, tuple(done)), arguments.json)
    return 0


def _arguments() -> argparse.Namespace:
    names = [workload.name for workload in WORKLOADS]
    environments = sorted({name for workload in WORKLOADS for name in workload.environments})
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("workloads", nargs="*", choices=[[], *names], metavar="WORKLOAD", help=", ".join(names))
    parser.add_argument("-n", "--repetitions", type=_count, default=3, metavar="N")
    parser.add_argument("--records", type=_count, metavar="N", help="of every workload, in place of its own number")
    parser.add_argument(
        "--without",
        choices=environments,
        action="append",
        default=[],
        metavar="PEER",
        help=f"leave out: {', '.join(environments)}",
    )
    parser.add_argument("--install", action="store_true", help="only make the environments")
    parser.add_argument("--json", metavar="FILE", type=_new_file, help="write everything measured there")
    return parser.parse_args()


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"expected a whole number from 1 up, found {text!r}")
    return int(text)


def _new_file(text: str) -> Path:
    """Told now, and not when all has run."""
    if not Path(text).absolute().parent.is_dir():
        raise argparse.ArgumentTypeError(f"expected a file in a folder that exists, found {text!r}")
    return Path(text)


def _pythons(workloads: list[Workload]) -> Pythons | None:
    """Of every environment that is needed; None when some can not be had, after saying which and what would help."""
    pythons: dict[str | None, str] = {None: sys.executable}
    complaints = []
    for name in sorted({name for workload in workloads for name in workload.environments}):
        try:
            pythons[name] = python_of(name, cache_folder())
        except MissingPart as error:
            complaints.append(f"{error}\n    or leave it out: --without {name}")
        except subprocess.CalledProcessError as error:
            complaints.append(f"{name}: {error}\n    or leave it out: --without {name}")
    print("\n".join(complaints), file=sys.stderr, end="\n" if complaints else "")
    return None if complaints else pythons


if __name__ == "__main__":
    sys.exit(main())
