"""The checkpoints in a job's directory: the newest that is whole, and those that nobody needs any more.

::

    <directory>/chk-7/0-1.state    a task's state
    <directory>/chk-7/MANIFEST     last
    <directory>/ended/...          last snapshots of tasks that finished, referenced by every later manifest
"""

from collections.abc import Callable, Iterable
from typing import Final, NamedTuple

from sage_local.config.locations import parent_and_name
from sage_local.core.ids import TaskId
from sage_local.errors import CheckpointError
from sage_local.runtime.checkpoint.manifest import NAME, Manifest, OtherFormatError, read_manifest, write_manifest
from sage_local.runtime.checkpoint.state_file import verify
from sage_local.runtime.checkpoint.storage import Storage, open_storage

PREFIX: Final = "chk-"
ENDED: Final = "ended"


class Found(NamedTuple):
    """A directory of a checkpoint; ``problem`` says why it can not be used, where it can not.

    ``is_damaged``: it was complete once.
    """

    checkpoint: int
    manifest: Manifest | None
    problem: str | None = None
    is_damaged: bool = False


def state_path(checkpoint: int, task: TaskId) -> str:
    """Where a task's state for a checkpoint is stored."""
    return f"{PREFIX}{checkpoint}/{task.chain}-{task.subtask}.state"


def ended_path(task: TaskId, attempt: int) -> str:
    """Where the last state of a task is stored that finished in the job's execution number ``attempt``."""
    return f"{ENDED}/{task.chain}-{task.subtask}-{attempt}.state"


def manifest_path(checkpoint: int) -> str:
    """Where the manifest is stored."""
    return f"{PREFIX}{checkpoint}/{NAME}"


def numbered(location: str) -> tuple[Storage, int] | None:
    """The checkpoint that ``location`` names by its number, and the storage of its job, if it does."""
    directory, name = parent_and_name(location)
    number = name.removeprefix(PREFIX)
    if not name.startswith(PREFIX) or not number.isdecimal():
        return None
    return open_storage(directory), int(number)


def store(storage: Storage, manifest: Manifest) -> None:
    """Make the checkpoint complete."""
    storage.write(manifest_path(manifest.checkpoint), [write_manifest(manifest)])


def checkpoint_ids(storage: Storage) -> list[int]:
    """Of every directory there is, complete or not, in order."""
    names = (name.removeprefix(PREFIX) for name in storage.names() if name.startswith(PREFIX))
    return sorted(int(name) for name in names if name.isdecimal())


def load(storage: Storage, checkpoint: int) -> Manifest:
    """The manifest of a checkpoint. Its files are not looked at. Raises ``CheckpointError``."""
    path = manifest_path(checkpoint)
    try:
        data = storage.read(path)
    except FileNotFoundError:
        raise CheckpointError(f"{PREFIX}{checkpoint} was never completed: it has no {NAME}") from None
    return read_manifest(path, data)


def verify_files(storage: Storage, manifest: Manifest) -> None:
    """Read every state file. Raises ``CheckpointError`` for the first that is missing or damaged.

    One that can not be read may be whole: that is an ``OSError``, here and in ``newest``.
    """
    for ref in manifest.files.values():
        try:
            data = storage.read(ref.path)
        except FileNotFoundError:
            raise CheckpointError(f"state file {ref.path} is missing") from None
        verify(ref, data)


def listing(storage: Storage) -> list[Found]:
    """Every checkpoint there is, newest first, its files not looked at."""
    return [_look(storage, checkpoint) for checkpoint in reversed(checkpoint_ids(storage))]


def newest(storage: Storage, warn: Callable[[str], None], *, at_least: int = 0) -> Manifest | None:
    """The newest checkpoint from ``at_least`` on that is whole to the last byte; ``None`` when there is none.

    ``warn`` hears of every completed one that had to be passed over. Raises ``OtherFormatError`` and ``OSError``: a
    checkpoint that this version, or this machine, can not read is not a damaged one.
    """
    for checkpoint in reversed(checkpoint_ids(storage)):
        if checkpoint < at_least or storage.size(manifest_path(checkpoint)) is None:
            continue
        try:
            manifest = load(storage, checkpoint)
            verify_files(storage, manifest)
        except OtherFormatError:
            raise
        except CheckpointError as error:
            # Exactly-once ends here: nobody can take back what a sink has made visible.
            warn(
                f"checkpoint {checkpoint} is passed over for an older one: {error}; what sinks committed with it comes"
                " again"
            )
            continue
        return manifest
    return None


def sweep(storage: Storage, kept: Iterable[Manifest], *, before: int, attempt: int) -> None:
    """Delete the files of checkpoints older than ``before`` that no manifest in ``kept`` needs, manifests first.

    Files of tasks that ended are kept when they are of execution ``attempt``: a manifest may yet need them.
    """
    kept = list(kept)
    needed = {path for manifest in kept for path in manifest.files}
    complete = {manifest.checkpoint for manifest in kept}
    for checkpoint in checkpoint_ids(storage):
        if checkpoint < before and checkpoint not in complete:
            _sweep_one(storage, checkpoint, needed)
    for name in storage.names(ENDED):
        path = f"{ENDED}/{name}"
        if path not in needed and not name.endswith(f"-{attempt}.state"):
            storage.delete(path)


def _sweep_one(storage: Storage, checkpoint: int, needed: set[str]) -> None:
    directory = f"{PREFIX}{checkpoint}"
    storage.delete(manifest_path(checkpoint))
    paths = {f"{directory}/{name}" for name in storage.names(directory)}
    if paths & needed:
        for path in paths - needed:
            storage.delete(path)
    else:
        storage.delete(directory)


def _look(storage: Storage, checkpoint: int) -> Found:
    try:
        return Found(checkpoint, load(storage, checkpoint))
    except CheckpointError as error:
        was_complete = storage.size(manifest_path(checkpoint)) is not None
        return Found(checkpoint, None, str(error), is_damaged=was_complete)
