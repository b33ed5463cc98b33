"""bytewax: one worker per process, since the workers of a process share its interpreter lock."""

import os
import socket
import subprocess
import sys
from functools import partial
from pathlib import Path

from _events import main

FLOW = Path(__file__).with_name("bytewax_flow.py")


def run(workload: str, source: Path, out: Path, workers: int) -> None:
    command = [sys.executable, "-m", "bytewax.run", f"{FLOW}:{workload}"]
    environment = os.environ | {"SOURCE": str(source), "OUT": str(out), "WORKERS": str(workers)}
    addresses = _addresses(workers)
    scaling = [[]] if workers == 1 else [["-i", str(each), "-a", addresses] for each in range(workers)]
    processes = [subprocess.Popen([*command, *options], env=environment) for options in scaling]
    codes = [process.wait() for process in processes]
    if any(codes):
        sys.exit(f"bytewax.run exited with {codes}")


def _addresses(count: int) -> str:
    sockets = [socket.socket() for _ in range(count)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    addresses = ";".join(f"127.0.0.1:{each.getsockname()[1]}" for each in sockets)
    for each in sockets:
        each.close()
    return addresses


if __name__ == "__main__":
    main({workload: partial(run, workload) for workload in ("count", "running")})
