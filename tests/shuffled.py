"""The tests in one random order after another: ``python tests/shuffled.py --runs 20 [ARGUMENTS OF PYTEST]``.

After each run nothing may be left of it: no process, no run directory, no file beside those of pytest, no shared
memory. What fails is printed with the seed that shows it again (``-p randomly --randomly-seed=SEED``).
"""

import argparse
import os
import random
import subprocess
import sys
import tempfile
from pathlib import Path

from sage_local.testing import leak_check

ROOT = Path(__file__).parents[1]
SHARED = Path("/dev/shm")
NAMES = ("sage", "psm_", "sem.")
"""Of shared memory that a Python program makes; other programs have theirs there."""


def run(seed: int, arguments: list[str]) -> list[str]:
    """What went wrong in the order of ``seed``."""
    shared = set(named())
    wrong = []
    with tempfile.TemporaryDirectory(prefix="shuffled-") as folder:
        try:
            with leak_check():
                command = [sys.executable, "-m", "pytest", "-q", f"--randomly-seed={seed}", *arguments]
                environment = {**os.environ, "TMPDIR": folder}
                ran = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
        except AssertionError as left:
            wrong.append(str(left))
        if ran.returncode != 0:
            wrong.append(ran.stdout + ran.stderr)
        wrong += [f"left behind: {path}" for path in Path(folder).iterdir() if not path.name.startswith("pytest-of-")]
    return [*wrong, *(f"left behind: {SHARED / name}" for name in set(named()) - shared)]


def named() -> list[str]:
    return [name for name in os.listdir(SHARED) if name.startswith(NAMES)]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 31), help="of the first run")
    options, arguments = parser.parse_known_args()
    failed = 0
    for seed in range(options.seed, options.seed + options.runs):
        wrong = run(seed, arguments or ["-n", "2"])
        print(f"seed {seed}: {'nothing wrong' if not wrong else ''}", *wrong, sep="\n", flush=True)
        failed += bool(wrong)
    print(f"{failed} of {options.runs} runs showed something")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
