"""SIGKILL for workers and coordinators of a job from files over keyed windows to files, and a look at what comes out.

    python benchmarks/kills.py --kills 200

Every round is a job over new files that is killed at random times and resumed until it has finished. Then every window
has to be in the output exactly once, those of a key in order, each line with its header word intact.
"""

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import textwrap
import time
from collections import Counter
from pathlib import Path

from sage_local.errors import JobError
from sage_local.runtime.launcher.control import connect, jobs

KEYS = 5
HEADER = "C0FFEE"
ROWS = 4000
WINDOW_MS = 1000

JOB = """
    import sys, time
    from pathlib import Path
    from sage_local import LocalEnvironment, TumblingEventTimeWindows, WatermarkStrategy
    from sage_local.connectors.file_sink import FileSink

    home = Path(sys.argv[1])
    config = {
        "parallelism": 2,
        "buffer.timeout": 10,
        "checkpoint.interval": "50ms",
        "checkpoint.dir": str(home / "checkpoints"),
        "restore": "latest",
        "restart.strategy": "fixed-delay",
        "restart.attempts": 100000,
        "restart.delay": "1ms",
    }

    def parse(line):
        time.sleep(0.0003)
        file, number = line.split(":")
        return file, int(number)

    def told(key, window, rows):
        numbers = [number for _, number in rows]
        return [f"C0FFEE {key[0]}-{key[1]} {window.start} {len(numbers)} {sum(numbers)}"]

    env = LocalEnvironment("kills", config)
    times = WatermarkStrategy.for_monotonous_timestamps().with_timestamp_assigner(lambda row: row[1] * 10)
    rows = env.from_text(str(home / "in" / "*.txt"), name="read").map(parse, name="parse")
    timed = rows.assign_timestamps_and_watermarks(times).key_by(lambda row: (row[0], row[1] % 5))
    windows = timed.window(TumblingEventTimeWindows.of(1000)).apply(told, name="window")
    windows.sink(FileSink(home / "out", roll_bytes=3000), name="write")
    env.submit()
"""


def write_input(home: Path) -> Counter[str]:
    """Two files, one for each subtask, and the lines that have to come out."""
    (home / "in").mkdir()
    expected: Counter[str] = Counter()
    for file in range(2):
        (home / "in" / f"{file}.txt").write_text("".join(f"{file}:{number}\n" for number in range(ROWS)))
        windows: dict[tuple[int, int], list[int]] = {}
        for number in range(ROWS):
            start = number * 10 // WINDOW_MS * WINDOW_MS
            windows.setdefault((number % KEYS, start), []).append(number)
        for (key, start), numbers in windows.items():
            expected[f"{HEADER} {file}-{key} {start} {len(numbers)} {sum(numbers)}"] += 1
    return expected


def read_output(home: Path) -> list[str]:
    """The lines of the finished files, in the order in which each subtask wrote them."""
    files = sorted(path for path in (home / "out").rglob("*") if path.is_file() and not path.name.startswith("."))
    return [line for path in files for line in path.read_text().splitlines()]


def run_round(home: Path, kills: int, chance: random.Random) -> Counter[str]:
    """Kill and resume until the job has finished; returns what was killed."""
    environment = {**os.environ, "SAGE_RUN_DIR": str(home / "run")}
    program = [sys.executable, "-c", textwrap.dedent(JOB), str(home)]
    killed: Counter[str] = Counter()
    with open(home / "stderr", "w") as stderr:
        while True:
            job = subprocess.Popen(program, env=environment, stderr=stderr, stdout=stderr)
            while job.poll() is None:
                time.sleep(chance.uniform(0.05, 0.4))
                if killed.total() < kills and (victim := kill_one(home / "run", chance)):
                    killed[victim] += 1
            if job.returncode == 0:
                return killed


def kill_one(run_directory: Path, chance: random.Random) -> str | None:
    """What was killed of the job there; ``None`` where it is just starting or ending."""
    found = jobs(run_directory)
    if not found:
        return None
    try:
        with connect(run_directory, found[0]) as running:
            status = running.status()
    except (JobError, OSError, EOFError):
        return None
    victim = "coordinator" if chance.random() < 0.15 else "worker"
    pids = [status.pid] if victim == "coordinator" else list(status.worker_pids.values())
    try:
        os.kill(chance.choice(pids), signal.SIGKILL)
    except (ProcessLookupError, IndexError):
        return None
    return victim


def judge(lines: list[str], expected: Counter[str]) -> dict[str, int]:
    """How many windows were lost, repeated or moved, and lines without their header word."""
    found = Counter(lines)
    starts: dict[str, list[int]] = {}
    for line in lines:
        _, key, start, *_ = line.split()
        starts.setdefault(key, []).append(int(start))
    return {
        "lost": (expected - found).total(),
        "duplicated": (found - expected).total(),
        "reordered keys": sum(times != sorted(times) for times in starts.values()),
        "broken": sum(not line.startswith(f"{HEADER} ") for line in lines),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--per-round", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    chance = random.Random(options.seed)
    killed: Counter[str] = Counter()
    verdict: Counter[str] = Counter()
    rounds = 0
    while killed.total() < options.kills:
        with tempfile.TemporaryDirectory(prefix="sage-kills-") as name:
            home = Path(name)
            expected = write_input(home)
            killed += run_round(home, min(options.per_round, options.kills - killed.total()), chance)
            verdict.update(judge(read_output(home), expected))
            rounds += 1
        print(f"round {rounds}: {dict(killed)} killed, {dict(verdict)}", flush=True)
    if any(verdict.values()):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
