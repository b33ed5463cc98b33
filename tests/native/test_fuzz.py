"""What may lie in shared memory, made up by libFuzzer; ``fuzz/run.py`` is the command for millions of inputs."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = Path(__file__).parent / "fuzz" / "run.py"


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("clang") is None, reason="clang is not installed")
@pytest.mark.parametrize("target", ["ring", "rows", "columns"])
def test_the_fuzzer_finds_nothing(target: str):
    ran = subprocess.run(
        [sys.executable, PROGRAM, "--inputs", "50000", "--target", target], capture_output=True, text=True, check=False
    )
    if ran.returncode == 2:
        pytest.skip(ran.stderr.splitlines()[-1])
    assert ran.returncode == 0, ran.stdout


def test_without_a_compiler_the_command_says_what_is_missing():
    ran = subprocess.run([sys.executable, PROGRAM], env={"PATH": ""}, capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stderr) == (2, "clang is not installed: apt-get install clang\n")
