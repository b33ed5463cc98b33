"""The manifest: what a checkpoint consists of. Written last, so a checkpoint without one does not exist.

Two lines of text: a head with format, length and CRC-32 of the body, and the body in JSON, so that anyone can read it
without running the user's code.
"""

import zlib
from dataclasses import asdict
from typing import Any, Final

from sage_local.core.data import data
from sage_local.core.ids import ChainId, TaskId
from sage_local.errors import CheckpointError
from sage_local.runtime.protocol.snapshots import FileRef, OperatorSummary, TaskSnapshot

FORMAT: Final = 2
"""Of manifests, state files and what operators pickle into those. In 1, aggregates of several steps were lists."""
NAME: Final = "MANIFEST"


@data
class OperatorPlace:
    """An operator of the program that took the checkpoint. ``kind`` is the name of its class in ``plan.operators``."""

    name: str
    kind: str
    chain: int
    parallelism: int


@data
class Manifest:
    """A complete checkpoint. ``run`` is the id of the job that took it; times are wall-clock ms, for people only."""

    checkpoint: int
    job_name: str
    run: str
    started_ms: int
    completed_ms: int
    max_parallelism: int
    operators: tuple[OperatorPlace, ...]
    tasks: tuple[TaskSnapshot, ...]

    @property
    def is_final(self) -> bool:
        """The job had come to its end."""
        return all(task.is_finished for task in self.tasks)

    @property
    def files(self) -> dict[str, FileRef]:
        """Every state file by its path, each once."""
        return {ref.path: ref for task in self.tasks for ref in task.files}


class OtherFormatError(CheckpointError):
    """Written by another version: it may be whole, so an older one must not be taken in its place."""


def write_manifest(manifest: Manifest) -> bytes:
    """The file's bytes."""
    import json  # loaded by jobs that take checkpoints, and not by every worker at its start

    body = json.dumps(asdict(manifest), separators=(",", ":")).encode()
    return _head(FORMAT, body) + b"\n" + body + b"\n"


def read_manifest(path: str, data: bytes) -> Manifest:
    """The manifest in ``data``; ``CheckpointError`` says what is wrong with it."""
    import json

    first, _, rest = data.partition(b"\n")
    body = rest.removesuffix(b"\n")
    try:
        head = json.loads(first)
        found = int(head["format"])
    except (ValueError, KeyError, TypeError):
        raise CheckpointError(f"{path} is damaged: its first line is no head of a manifest") from None
    if _head(found, body) != first:
        raise CheckpointError(f"{path} is damaged: its length or CRC-32 is not what its first line says")
    if found != FORMAT:
        age = "a newer" if found > FORMAT else "an older"
        raise OtherFormatError(f"{path} has format {found}, of {age} version; this version reads format {FORMAT}")
    return _from_json(json.loads(body))


def _head(version: int, body: bytes) -> bytes:
    """The same in every format to come, and the CRC covers the version: a damaged one is not taken for a newer one."""
    import json

    crc = zlib.crc32(body, zlib.crc32(b"%d" % version))
    return json.dumps({"format": version, "length": len(body), "crc32": f"{crc:08x}"}).encode()


def _from_json(body: dict[str, Any]) -> Manifest:
    operators = tuple(OperatorPlace(**each) for each in body.pop("operators"))
    tasks = tuple(_task(**each) for each in body.pop("tasks"))
    return Manifest(operators=operators, tasks=tasks, **body)


def _task(task: list[int], files: list[Any], operators: list[Any], is_finished: bool, after: int) -> TaskSnapshot:
    chain, subtask = task
    return TaskSnapshot(
        TaskId(ChainId(chain), subtask),
        tuple(FileRef(**each) for each in files),
        tuple(OperatorSummary(**each) for each in operators),
        is_finished,
        after,
    )
