"""SIGKILL at random moments, some two hundred times; ``benchmarks/ring_kills.py`` says what is looked at."""

import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = Path(__file__).parents[2] / "benchmarks" / "ring_kills.py"


@pytest.mark.slow
def test_killed_writers_and_readers_tear_nothing_hang_nobody_and_leave_nothing():
    ran = subprocess.run([sys.executable, PROGRAM, "--kills", "500"], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
