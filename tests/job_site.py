"""The processes of a test's jobs: each test looks after its own."""

import os
import select
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.eventually import PATIENCE_S


class JobSite:
    """A run directory of its own, and every process that has it in its environment."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def processes(self) -> dict[int, str]:
        """Command lines of the engine's processes that belong here, by pid."""
        wanted = f"SAGE_RUN_DIR={self.root}\0".encode()
        found = {}
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit() and int(entry.name) != os.getpid() and wanted in _read(entry / "environ") + b"\0":
                command = _read(entry / "cmdline").decode().replace("\0", " ")
                if "sage_local.runtime" in command:
                    found[int(entry.name)] = command
        return found

    def only(self, part: str) -> int:
        """The oldest process whose command line has ``part``."""
        return min(pid for pid, command in self.processes().items() if part in command)

    def assert_nothing_is_left(self) -> None:
        """No process, and in the run directory at most the logs of a failed job."""
        assert self.processes() == {}
        assert {path.name for path in self.root.glob("*/*")} <= {"log"}

    def script(self, text: str) -> subprocess.Popen[str]:
        """Run a program in a process of its own."""
        return subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(text)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )


def await_end(pids: list[int]) -> list[int]:
    """Those of ``pids`` that are still there after a long while."""
    watched = {}
    for pid in pids:
        try:
            watched[os.pidfd_open(pid)] = pid
        except ProcessLookupError:
            continue
    poll = select.poll()
    for pidfd in watched:
        poll.register(pidfd, select.POLLIN)
    while watched and (ended := poll.poll(PATIENCE_S * 1000)):
        for pidfd, _ in ended:
            poll.unregister(pidfd)
            os.close(pidfd)
            del watched[pidfd]
    return list(watched.values())


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[JobSite]:
    """The run directory of this test's jobs. Afterwards no process and no descriptor may be left."""
    root = tmp_path / "run"
    monkeypatch.setenv("SAGE_RUN_DIR", str(root))
    before = set(os.listdir("/proc/self/fd"))
    site = JobSite(root)
    yield site
    left = site.processes()
    for pid in left:
        os.kill(pid, signal.SIGKILL)
    assert left == {}
    assert set(os.listdir("/proc/self/fd")) <= before


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError:
        return b""
