"""Whether jobs leave anything behind: processes, descriptors, shared memory, run directories."""

import gc
import os
import re
import shutil
import tempfile
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep

_MARK = "_TESTING_LEAK_CHECK"
"""An environment variable that processes inherit: also one that lost its parent is known by it. Not ``SAGE_*``, which
are settings."""
_LOOK_S = 0.01
"""Between two looks at what is on its way out: nothing tells of the end of a process that is not our child."""
_MEMFD = re.compile(r"/memfd:\S+")
_ALIVE = ("alive", "control.sock")
"""What a run directory has while its job runs; the logs of a failed job are left on purpose."""


@contextmanager
def leak_check(grace_s: float = 5.0) -> Iterator[None]:
    """Raise ``AssertionError`` if the block leaves a process, a descriptor, shared memory or a run directory behind.

    Also a decorator, and the body of a fixture. What is on its way out has ``grace_s`` to be gone. Jobs started in the
    block have a run root of their own, so other jobs of this user are not in the way. Descriptors are those of the
    whole process: in the block no other thread should open files. When the block itself raises, that is what comes out.
    """
    mark, root = uuid.uuid4().hex, tempfile.mkdtemp(prefix="sage-leaks-")
    descriptors, mappings = _descriptors(), _mappings()
    before = {name: os.environ.get(name) for name in (_MARK, "SAGE_RUN_DIR")}
    os.environ.update({_MARK: mark, "SAGE_RUN_DIR": root})
    try:
        yield
        _restore_environment(before)
        _expect_none(mark, Path(root), descriptors, mappings, grace_s)
    finally:
        _restore_environment(before)
        if not list(_run_directories(Path(root))):  # a job that still runs keeps its own
            shutil.rmtree(root, ignore_errors=True)


def _restore_environment(before: Mapping[str, str | None]) -> None:
    for name, value in before.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value


def _expect_none(mark: str, root: Path, descriptors: Mapping[int, str], mappings: set[str], grace_s: float) -> None:
    deadline = monotonic() + grace_s
    while True:
        gc.collect()  # what nobody refers to any more is no leak
        found = [*_processes(mark), *_new_descriptors(descriptors), *_new_mappings(mappings), *_run_directories(root)]
        if not found:
            return
        if monotonic() > deadline:
            raise AssertionError("left behind:\n" + "\n".join(f"  {each}" for each in found))
        sleep(_LOOK_S)


def _processes(mark: str) -> Iterator[str]:
    wanted = f"{_MARK}={mark}".encode()
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            if wanted not in (entry / "environ").read_bytes().split(b"\0"):
                continue
            command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
        except OSError:
            continue  # it has ended meanwhile, or is somebody else's
        yield f"process {entry.name}: {command or '(ending)'}"


def _descriptors() -> dict[int, str]:
    """What each open descriptor of this process is."""
    found = {}
    for name in os.listdir("/proc/self/fd"):
        try:
            found[int(name)] = os.readlink(f"/proc/self/fd/{name}")
        except FileNotFoundError:
            continue  # the one by which the directory was listed
    return found


def _new_descriptors(before: Mapping[int, str]) -> Iterator[str]:
    for number, target in _descriptors().items():
        if before.get(number) != target:
            yield f"descriptor {number} of this process: {target}"


def _mappings() -> set[str]:
    """The shared memory that this process has mapped, by address."""
    with open("/proc/self/maps") as maps:
        return {line.split()[0] for line in maps if _MEMFD.search(line)}


def _new_mappings(before: set[str]) -> Iterator[str]:
    for address in sorted(_mappings() - before):
        yield f"shared memory mapped in this process at {address}"


def _run_directories(root: Path) -> Iterator[str]:
    for job in sorted(root.iterdir()):
        left = [name for name in _ALIVE if (job / name).exists()]
        if left or not (job / "log").is_dir():
            yield f"run directory of job {job.name}, with {', '.join(left) or 'no log'}"
