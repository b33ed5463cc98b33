"""``sage checkpoint ls|show``: what checkpoints hold, from manifests alone: nothing is unpickled, no user code runs."""

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import click

from sage_local.cli.list import table
from sage_local.config.locations import joined, parent_and_name
from sage_local.runtime.checkpoint import catalog
from sage_local.runtime.checkpoint.catalog import Found
from sage_local.runtime.checkpoint.manifest import Manifest
from sage_local.runtime.checkpoint.storage import Storage, inside, open_storage
from sage_local.runtime.state.chunk import DECLARED


@click.group("checkpoint")
def command() -> None:
    """Look at checkpoints. PATH is checkpoint.dir, a job's directory in it, or a chk-N in that."""


@command.command("ls")
@click.argument("path")
def ls(path: str) -> None:
    """Show every checkpoint in PATH, the newest first."""
    with _told(path):
        rows = [_row(job, found) for job, checkpoints in _jobs(path) for found in checkpoints]
    if not rows:
        raise click.UsageError(f"there is no checkpoint in {path}")
    click.echo(table([_HEAD, *rows]), nl=False)


@command.command("show")
@click.argument("path")
def show(path: str) -> None:
    """Show what is in a checkpoint: operators, states, keys, sizes. Without chk-N in PATH, the newest complete one."""
    with _told(path):
        storage, manifest = _resolve(path)
    for name, value in _facts(storage, manifest):
        click.echo(f"{name + ':':<14}{value}")
    click.echo()
    click.echo(table([_STATE_HEAD, *_state_rows(manifest)]), nl=False)


_HEAD = ("JOB", "CHECKPOINT", "AGE", "DURATION", "SIZE", "OPERATORS", "STATE")
_STATE_HEAD = ("OPERATOR", "KIND", "PARALLELISM", "STATE", "KEYS", "SIZE")


@contextmanager
def _told(path: str) -> Iterator[None]:
    """A place that can not be read is the user's mistake or the machine's, and no reason for a traceback."""
    try:
        yield
    except OSError as error:
        raise click.ClickException(f"{path} can not be read: {error.strerror or error}") from error


def _jobs(path: str) -> Iterator[tuple[str, list[Found]]]:
    """The name of each job in ``path``, and its checkpoints."""
    if (one := catalog.numbered(path)) is not None:
        storage, checkpoint = one
        yield (
            parent_and_name(storage.location)[1],
            [each for each in catalog.listing(storage) if each.checkpoint == checkpoint],
        )
        return
    storage = open_storage(path)
    if catalog.checkpoint_ids(storage):
        yield parent_and_name(path)[1], catalog.listing(storage)
        return
    for name in storage.names():
        # Whatever else lies there is no job's directory, and has no checkpoint in it.
        with suppress(NotADirectoryError):
            yield name, catalog.listing(inside(storage, name))


def _resolve(path: str) -> tuple[Storage, Manifest]:
    """The checkpoint named by ``path``; its files are not verified."""
    if (one := catalog.numbered(path)) is not None:
        return one[0], catalog.load(*one)
    storage = open_storage(path)
    for found in catalog.listing(storage):
        if found.manifest is not None:
            return storage, found.manifest
    if not catalog.checkpoint_ids(storage) and (
        jobs := [inside(storage, name).location for name, checkpoints in _jobs(path) if checkpoints]
    ):
        raise click.UsageError(f"{path} holds checkpoints of jobs, expected those of one: {', '.join(jobs)}")
    raise click.UsageError(f"there is no complete checkpoint in {path}")


def _row(job: str, found: Found) -> tuple[str, ...]:
    name = f"{catalog.PREFIX}{found.checkpoint}"
    manifest = found.manifest
    if manifest is None:
        return job, name, "", "", "", "", found.problem or "unreadable"
    state = "final" if manifest.is_final else "complete"
    size = size_text(sum(ref.size for ref in manifest.files.values()))
    return job, name, _age(manifest), _duration(manifest), size, str(len(manifest.operators)), state


def _facts(storage: Storage, manifest: Manifest) -> Iterator[tuple[str, str]]:
    yield "checkpoint", joined(storage.location, f"{catalog.PREFIX}{manifest.checkpoint}")
    yield "job", f"{manifest.job_name} ({manifest.run})"
    yield "taken", time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(manifest.started_ms / 1000))
    yield "age", _age(manifest)
    yield "duration", _duration(manifest)
    files = manifest.files.values()
    yield "files", f"{len(files)}, {size_text(sum(ref.size for ref in files))}"
    yield "key groups", str(manifest.max_parallelism)
    if manifest.is_final:
        yield "job's end", "every task had finished"


def _state_rows(manifest: Manifest) -> Iterator[tuple[str, ...]]:
    for operator in manifest.operators:
        entries: Counter[str] = Counter()
        size = 0
        for task in manifest.tasks:
            for summary in task.operators:
                if summary.operator == operator.name:
                    entries.update(summary.states)
                    size += summary.size
        first = (operator.name, operator.kind, str(operator.parallelism))
        states = [(state.removeprefix(DECLARED), str(count)) for state, count in entries.items()] or [("", "")]
        for index, (state, count) in enumerate(states):
            lead = first if index == 0 else ("", "", "")
            yield *lead, state, count, size_text(size) if index == 0 else ""


def _age(manifest: Manifest) -> str:
    return f"{max(0, int(time.time() - manifest.completed_ms / 1000))} s"


def _duration(manifest: Manifest) -> str:
    # The machine's clock may have been set meanwhile.
    return f"{max(0, manifest.completed_ms - manifest.started_ms)} ms"


def size_text(size_bytes: int) -> str:
    """A size for people."""
    size: float = size_bytes
    for unit in ("B", "KB", "MB"):
        if size < 1024:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1024
    return f"{size:.1f} GB"
