import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

Run = Callable[..., subprocess.CompletedProcess[str]]
Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """That of a user with a run directory of their own."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SAGE_")}
    return {**kept, "SAGE_RUN_DIR": str(tmp_path / "run"), "PYTHONWARNINGS": "error"}


@pytest.fixture
def program(tmp_path: Path) -> Callable[[str], Path]:
    """Writes a program; returns its file."""

    def write(text: str) -> Path:
        file = tmp_path / "program.py"
        file.write_text(text)
        return file

    return write


@pytest.fixture
def sage(tmp_path: Path, environment: dict[str, str]) -> Run:
    """Runs the command to its end."""

    def run(*arguments: object) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "sage_local", *map(str, arguments)]
        return subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=50, check=False
        )

    return run


@pytest.fixture
def start_sage(tmp_path: Path, environment: dict[str, str]) -> Iterator[Start]:
    """Starts the command with a pipe for its output; whatever still runs at the end of the test is killed."""
    started: list[subprocess.Popen[str]] = []

    def start(*arguments: object) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "sage_local", *map(str, arguments)]
        process = subprocess.Popen(
            command, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()
