"""Start-up: from process start to the first printed line and to exit, against importing pyarrow."""

import subprocess
import sys
import time

from _program import report

HELLO = """\
from sage_local import LocalEnvironment
env = LocalEnvironment("hello")
env.from_collection(["Hello"]).print()
env.submit()
"""
PROGRAMS = {"pyarrow": "import pyarrow", "hello": HELLO}


def run(code: str) -> tuple[float, float]:
    """Seconds to the first line of output (or its end without any) and to exit."""
    started = time.perf_counter()
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        process.stdout.readline()
        first = time.perf_counter() - started
    return first, time.perf_counter() - started


if __name__ == "__main__":
    first, end = run(PROGRAMS[sys.argv[1]])
    report(seconds=end, records=1, first=first)
