"""Run a command and tell what it cost with all that it started: ``python adopting.py COMMAND [ARGUMENT ...]``.

Ends when the last of its processes has ended, with the command's exit code, and prints ``{"cpu_s": ...}`` as last line.
Engines start servers that hang off process 1, and servers that do not wait for their children: the kernel adds the
CPU time of either to nobody's. So orphans are adopted, and all processes are looked at while they run; what was seen of
them and what the kernel has added up are both at most the truth, and the larger is told.
"""

import ctypes
import json
import os
import resource
import subprocess
import sys
import threading
from collections.abc import Iterator

PR_SET_CHILD_SUBREAPER = 36  # linux/prctl.h
LOOK_S = 0.2
"""A process that is killed is missing what it did since the last look, with few records as with many."""

_TICKS_PER_S = os.sysconf("SC_CLK_TCK")
_PARENT, _USER, _SYSTEM, _STARTED = 1, 11, 12, 19  # of proc_pid_stat(5), behind the name

Process = tuple[int, int]
"""Its id and when it started: ids are used again."""


def main() -> int:
    _adopt_orphans()
    seen: dict[Process, int] = {}
    done = threading.Event()
    looking = threading.Thread(target=_look, args=(seen, done))
    process = subprocess.Popen(sys.argv[1:])
    looking.start()
    code = process.wait()
    _wait_for_all()
    done.set()
    looking.join()
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu_s = max(usage.ru_utime + usage.ru_stime, sum(seen.values()) / _TICKS_PER_S)
    print(json.dumps({"cpu_s": cpu_s}))
    return code


def _adopt_orphans() -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_CHILD_SUBREAPER)")


def _wait_for_all() -> None:
    while True:
        try:
            os.waitpid(-1, 0)
        except ChildProcessError:
            return


def _look(seen: dict[Process, int], done: threading.Event) -> None:
    while not done.wait(LOOK_S):
        stats = dict(_stats())
        for pid in _descendants({pid: int(stat[_PARENT]) for pid, stat in stats.items()}):
            stat = stats[pid]
            seen[pid, int(stat[_STARTED])] = int(stat[_USER]) + int(stat[_SYSTEM])


def _stats() -> Iterator[tuple[int, list[bytes]]]:
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open(f"/proc/{name}/stat", "rb") as file:
                    yield int(name), file.read().rpartition(b")")[2].split()
            except (FileNotFoundError, ProcessLookupError):
                continue  # it has ended


def _descendants(parents: dict[int, int]) -> set[int]:
    children: dict[int, list[int]] = {}
    for pid, parent in parents.items():
        children.setdefault(parent, []).append(pid)
    found: set[int] = set()
    left = [os.getpid()]
    while left:
        below = children.get(left.pop(), [])
        found.update(below)
        left += below
    return found


if __name__ == "__main__":
    sys.exit(main())
