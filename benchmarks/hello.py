"""Start-up: from process start to the first printed line and to exit, against importing pyarrow."""

import subprocess
import sys
import time

HELLO = """
from sage_local import LocalEnvironment

env = LocalEnvironment("hello")
env.from_collection(["Hello"]).print()
env.submit()
"""


def run(code: str) -> tuple[float, float]:
    """Seconds to the first line of output (0 when there is none) and to exit."""
    started = time.perf_counter()
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    line = process.stdout.readline()
    first = time.perf_counter() - started if line else 0.0
    process.wait()
    return first, time.perf_counter() - started


if __name__ == "__main__":
    import json
    from statistics import median

    runs = [(run("import pyarrow")[1], *run(HELLO)) for _ in range(11)]
    floor, first, end = (median(column) for column in zip(*runs, strict=True))
    told = f"import pyarrow {floor * 1e3:.0f} ms; hello: first line {first * 1e3:.0f} ms, exit {end * 1e3:.0f} ms"
    print(told, file=sys.stderr)
    ratios = {"floor": floor, "first_ratio": first / floor, "exit_ratio": end / floor}
    print(json.dumps({"seconds": first, "records": 1, **ratios}))
