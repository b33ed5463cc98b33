"""The run directory of a job: where others find its control socket and its logs."""

import fcntl
import os
import stat
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

from sage_local.core.data import data
from sage_local.errors import SageError

DIRECTORY_MODE = 0o700
KEPT_LOGS = 20
"""Logs of failed jobs that are kept; older ones go when a new job starts."""


@data
class RunDirectory:
    """One job's directory. Only its owner may enter it.

    The coordinator holds a lock on ``alive`` for as long as it lives, so anyone can tell a running job from what a
    killed one left.
    """

    path: Path

    @property
    def control_socket(self) -> Path:
        """Where the coordinator listens."""
        return self.path / "control.sock"

    @property
    def log_dir(self) -> Path:
        """Logs of coordinator and workers."""
        return self.path / "log"

    def claim(self) -> int:
        """Hold the lock until the last copy of the returned descriptor is closed, also by the end of who has it."""
        descriptor = os.open(self.path / "alive", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        # May wait for someone who looks whether we live, for as long as that takes.
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        return descriptor

    def is_alive(self) -> bool:
        """Whether a coordinator holds the lock."""
        try:
            descriptor = os.open(self.path / "alive", os.O_RDWR | os.O_CLOEXEC)
        except (FileNotFoundError, NotADirectoryError):
            return False
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(descriptor)
        return False

    @contextmanager
    def choosing_cpus(self) -> Iterator[Counter[int]]:
        """How many workers of other running jobs sit on each CPU, while no other job of this user chooses its own."""
        lock = os.open(self.path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield Counter(cpu for job in running(self.path.parent) for cpu in job._taken())
        finally:
            os.close(lock)

    def take_cpus(self, cpus: Iterable[int]) -> None:
        """Let later jobs know: each CPU once for every worker that may run on it."""
        with _said_where(self.path):
            (self.path / "cpus").write_text(" ".join(map(str, cpus)))

    def _taken(self) -> list[int]:
        try:
            return [int(cpu) for cpu in (self.path / "cpus").read_text().split()]
        except FileNotFoundError:
            return []

    def remove(self) -> None:
        """Leave nothing."""
        # Imported here: it loads the compression modules, and most of its callers never come here.
        import shutil

        shutil.rmtree(self.path, ignore_errors=True)

    def keep_logs(self) -> None:
        """Leave the logs and nothing else; nothing at all where there are none."""
        for name in ("control.sock", "alive", "cpus"):
            (self.path / name).unlink(missing_ok=True)
        for file in self.log_dir.glob("*"):
            if file.stat().st_size == 0:
                file.unlink()
        if not any(self.log_dir.glob("*")):
            self.remove()


@contextmanager
def short_path(directory: Path) -> Iterator[str]:
    """Another path to ``directory``, short enough for the address of a unix socket (108 bytes) however deep it lies."""
    descriptor = os.open(directory, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{descriptor}"
    finally:
        os.close(descriptor)


def run_root(environment: Mapping[str, str]) -> Path:
    """Where this user's run directories are: ``SAGE_RUN_DIR``, else below ``XDG_RUNTIME_DIR``, else in ``/tmp``."""
    if chosen := environment.get("SAGE_RUN_DIR"):
        return Path(chosen).absolute()
    runtime = environment.get("XDG_RUNTIME_DIR")
    return Path(runtime) / "sage" if runtime and Path(runtime).is_dir() else Path(f"/tmp/sage-{os.getuid()}")


def make(root: Path, job_id: str) -> tuple[RunDirectory, int]:
    """A new run directory, and the lock that says its job lives: for the coordinator to hold.

    Raises ``SageError`` where it can not be made; then nothing is left of it.
    """
    with _said_where(root):
        root.mkdir(mode=DIRECTORY_MODE, parents=True, exist_ok=True)
    _refuse_foreign(root)
    directory = RunDirectory(root / job_id)
    with _said_where(root), ExitStack() as undo:
        directory.path.mkdir(mode=DIRECTORY_MODE)
        undo.callback(directory.remove)
        lock = directory.claim()
        undo.callback(os.close, lock)
        # Last: a sweep takes only what has one, so never a directory that is not locked yet.
        directory.log_dir.mkdir(mode=DIRECTORY_MODE)
        undo.pop_all()
    return directory, lock


def running(root: Path) -> list[RunDirectory]:
    """The directories of jobs whose coordinator lives, by job id. Raises ``SageError`` for a ``root`` of others."""
    if not root.is_dir():
        return []
    with _said_where(root):
        return [job for path in sorted(root.iterdir()) if (job := RunDirectory(path)).is_alive()]


def sweep(root: Path) -> None:
    """Remove what killed jobs left, and the logs of failed ones beyond the newest ``KEPT_LOGS``."""
    left = [job for path in root.iterdir() if not (job := RunDirectory(path)).is_alive() and job.log_dir.is_dir()]
    failed = [job for job in left if not (job.path / "alive").exists()]
    failed.sort(key=_changed_s, reverse=True)
    for job in [job for job in left if job not in failed] + failed[KEPT_LOGS:]:
        job.remove()


def _changed_s(job: RunDirectory) -> float:
    try:
        return job.path.stat().st_mtime
    except FileNotFoundError:
        return 0.0  # a job that starts beside us sweeps as well, and was faster


@contextmanager
def _said_where(path: Path) -> Iterator[None]:
    """The kernel's reason alone says nothing of where, nor what to do."""
    try:
        yield
    except OSError as error:
        reason = f"run directory {path} can not be used: {error.strerror}: set SAGE_RUN_DIR to another"
        raise SageError(reason) from None  # it says all there is


def _refuse_foreign(root: Path) -> None:
    """In ``/tmp`` anyone may have made a directory of our name."""
    status = root.stat()
    if status.st_uid != os.getuid() or stat.S_IMODE(status.st_mode) & 0o022:
        raise SageError(
            f"run directory {root}: expected one that only uid {os.getuid()} may write to,"
            f" found uid {status.st_uid} with mode {stat.S_IMODE(status.st_mode):04o}: set SAGE_RUN_DIR"
        )
