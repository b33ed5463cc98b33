"""Start-up: from process start to the first printed line and to exit, against importing pyarrow."""

import subprocess
import sys
import time
from pathlib import Path

from sage_local.bench.compete import compete
from sage_local.bench.workload import Figure, Timed, Workload, expect, floor, ratio, sage

IMPORT = """\
import pyarrow
print("Hello")
"""
HELLO = """\
from sage_local import LocalEnvironment
env = LocalEnvironment("hello")
env.from_collection(["Hello"]).print()
env.submit()
"""


def check(folder: Path, records: int, output: str) -> None:
    """One line."""
    expect("output", "Hello\n", output)


def timed(code: str) -> Timed:
    """A fresh interpreter's run of ``code``."""
    started = time.perf_counter()
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        first = time.perf_counter() - started
    return Timed(line, time.perf_counter() - started, {"first_line_s": first})


WORKLOADS = (
    Workload(
        name="hello",
        title="start-up of a job against importing pyarrow",
        records=1,
        check=check,
        contestants={
            "import pyarrow": floor(lambda folder, records: timed(IMPORT)),
            "hello": sage(lambda folder, records: timed(HELLO)),
        },
        figures=(
            Figure(
                "first line / import pyarrow",
                lambda the: the("hello", "first_line_s") / the("import pyarrow", "seconds"),
                goal=2,
                at_most=True,
            ),
            ratio("seconds", "hello", "import pyarrow", goal=3, at_most=True, name="exit / import pyarrow"),
            ratio("cpu_s", "hello", "import pyarrow"),
        ),
    ),
)

if __name__ == "__main__":
    compete(WORKLOADS)
