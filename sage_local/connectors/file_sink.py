"""A sink that writes rolling files, each record in exactly one of them."""

import glob
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from sage_local.connectors.file_formats import FORMATS, FileWriter
from sage_local.functions.context import FunctionContext
from sage_local.functions.record_schemas import dictionaries
from sage_local.functions.sink import TwoPhaseCommitSink
from sage_local.windowing.duration import Duration, positive_ms

HIDDEN: Final = "."
"""Begins the name of a file that is not finished; readers of a directory pass such names over, as do shells."""
DEFAULT_ROLL_BYTES: Final = 128 << 20


@dataclass(frozen=True, slots=True)
class PendingFile:
    """A closed file on its way from its hidden name to its final one.

    ``is_continued``: a checkpoint before knows the beginning of it.
    """

    hidden: str
    final: str
    is_continued: bool = False


@dataclass(slots=True)
class _Open:
    """The file in progress of one partition."""

    name: str
    writer: FileWriter
    since_s: float
    is_continued: bool = False


@dataclass(frozen=True, slots=True)
class _State:
    """Of a subtask at a checkpoint: the next number, and how long each file in progress was."""

    run: str
    next_number: int
    in_progress: dict[str, tuple[str, int]] = field(default_factory=dict)


class FileSink(TwoPhaseCommitSink[Any, list[PendingFile]]):
    """Writes records to ``directory`` as ``format``: ``"text"``, ``"json"`` (lines), ``"csv"`` or ``"parquet"``.

    A file is first hidden, in progress; then pending; and appears under its final name when the checkpoint that has
    all of it is complete. It is closed when it is larger than ``roll_bytes``, older than ``roll_interval`` at a
    checkpoint, or at the end of input. CSV and Parquet take dictionaries, all with the columns of the file's first one
    (``to_columns(schema)`` before gives every record every column); Parquet files are closed at every checkpoint too,
    since they can not be continued. ``partition_by`` names a subdirectory for each record. Several runs may share
    a directory: no existing file is ever replaced. A job that fails removes its hidden files, but for those that it can
    be resumed with; one whose processes are killed can not.
    """

    def __init__(
        self,
        directory: str | os.PathLike[str],
        format: str = "text",  # noqa: A002  # the word that everyone looks for
        *,
        partition_by: Callable[[Any], str] | None = None,
        roll_bytes: int = DEFAULT_ROLL_BYTES,
        roll_interval: Duration = "1m",
        prefix: str = "part",
    ) -> None:
        if format not in FORMATS:
            raise ValueError(f"format: expected one of {', '.join(map(repr, FORMATS))}, found {format!r}")
        if roll_bytes < 1:
            raise ValueError(f"roll_bytes: expected at least 1, found {roll_bytes!r}")
        self._directory = os.path.abspath(directory)
        self._format = FORMATS[format]
        self._partition_by = partition_by
        self._roll_bytes = roll_bytes
        self._roll_s = positive_ms(roll_interval, "roll_interval") / 1000
        self._prefix = prefix
        self._run = os.urandom(4).hex()
        self._next_number = 0
        self._open: dict[str, _Open] = {}
        self._pending: list[PendingFile] = []

    def open(self, context: FunctionContext) -> None:
        """Make the directory, so that a wrong one is an error now."""
        self._subtask = context.subtask_index
        os.makedirs(self._directory, exist_ok=True)

    def write(self, value: Any) -> None:
        """Append to the file in progress of the record's partition."""
        partition = "" if self._partition_by is None else self._partition(value)
        writer = self._writer(partition)
        writer.write(value)
        if writer.size >= self._roll_bytes:
            self._roll(partition)

    def write_batch(self, batch: Any) -> None:
        """As ``write`` for every record of a ``pyarrow.RecordBatch``, at once where there are no partitions."""
        if self._partition_by is not None:
            for record in dictionaries(batch):
                self.write(record)
            return
        writer = self._writer("")
        writer.write_batch(batch)
        if writer.size >= self._roll_bytes:
            self._roll("")

    def _writer(self, partition: str) -> FileWriter:
        """Of the file in progress, begun where there is none."""
        file = self._open.get(partition)
        if file is None:
            file = self._open[partition] = self._start(partition)
        return file.writer

    def prepare(self, checkpoint: int) -> list[PendingFile] | None:
        """Close what is due; make durable what goes on."""
        now_s = time.monotonic()
        for partition, file in list(self._open.items()):
            if not file.writer.can_continue or now_s - file.since_s >= self._roll_s:
                self._roll(partition)
            else:
                file.writer.sync()
                file.is_continued = True
        pending, self._pending = self._pending, []
        return pending or None

    def snapshot(self) -> Any:
        """The files in progress and their lengths."""
        in_progress = {partition: (file.name, file.writer.size) for partition, file in self._open.items()}
        return _State(self._run, self._next_number, in_progress)

    def recover(self, state: Any) -> None:
        """Go on with the files of the checkpoint, cut to what it knew, and remove every other one of this subtask."""
        if state is not None:
            self._run, self._next_number = state.run, state.next_number
        in_progress = {} if state is None else state.in_progress
        self._remove_all_but({name for name, _ in in_progress.values()})
        for partition, (name, size) in in_progress.items():
            if not self._path(_hidden(name)).exists():
                if not self._path(name).exists():
                    raise FileNotFoundError(
                        f"{self._path(_hidden(name))} was in progress at the checkpoint and is gone"
                    )
                # The checkpoint is not the newest there was: a later one has published the file.
                continue
            writer = self._format(os.path.join(self._directory, _hidden(name)), size)
            self._open[partition] = _Open(name, writer, time.monotonic(), is_continued=True)

    def end(self) -> None:
        """Close every file."""
        for partition in list(self._open):
            self._roll(partition)

    def commit(self, handle: list[PendingFile]) -> None:
        """Give the files their final names; one that has it already was committed before."""
        for file in handle:
            hidden, final = self._path(file.hidden), self._path(file.final)
            if hidden.exists():
                _publish(hidden, final)
            elif not final.exists():
                raise FileNotFoundError(f"{hidden} was prepared and is gone, and there is no {final} either")

    def abort(self, handle: list[PendingFile]) -> None:
        """Remove the files, but not one that an execution from the checkpoint before has to go on with."""
        for file in handle:
            if not file.is_continued:
                self._path(file.hidden).unlink(missing_ok=True)

    def close(self) -> None:
        """Let go of files in progress: those that a checkpoint knows wait to be continued, the others are removed."""
        self.abort(self._pending)
        for file in self._open.values():
            if not file.is_continued:
                self._path(_hidden(file.name)).unlink(missing_ok=True)
            file.writer.abandon()
        self._open.clear()

    def _partition(self, value: Any) -> str:
        assert self._partition_by is not None
        partition = self._partition_by(value)
        if not isinstance(partition, str) or os.path.isabs(partition) or ".." in Path(partition).parts:
            raise ValueError(f"partition_by names a subdirectory of {self._directory}, found {partition!r}")
        # As names are found again: "a//b" and "./a/b" are one directory, and so one partition.
        named = os.path.normpath(partition)
        return "" if named == os.curdir else named

    def _start(self, partition: str) -> _Open:
        os.makedirs(os.path.join(self._directory, partition), exist_ok=True)
        while True:
            name = os.path.join(partition, f"{self._stem}{self._next_number:06d}{self._format.suffix}")
            self._next_number += 1
            if not self._path(name).exists():
                break
        return _Open(name, self._format(os.path.join(self._directory, _hidden(name)), None), time.monotonic())

    @property
    def _stem(self) -> str:
        """What the names of this run's and this subtask's files begin with, and no others."""
        return f"{self._prefix}-{self._run}-{self._subtask}-"

    def _roll(self, partition: str) -> None:
        file = self._open[partition]
        # When this raises, the disk being full, the file is still the one at hand: nothing of it is forgotten.
        file.writer.finish()
        del self._open[partition]
        self._pending.append(PendingFile(_hidden(file.name), file.name, file.is_continued))

    def _remove_all_but(self, kept: set[str]) -> None:
        for path in Path(self._directory).rglob(f"{HIDDEN}{glob.escape(self._stem)}*"):
            name = str(path.relative_to(self._directory).with_name(path.name.removeprefix(HIDDEN)))
            if name not in kept:
                path.unlink(missing_ok=True)

    def _path(self, name: str) -> Path:
        return Path(self._directory, name)


def by_time(pattern: str, of: Callable[[Any], float]) -> Callable[[Any], str]:
    """A ``partition_by`` for the time of a record, in UTC. ``of`` gives it in seconds since the epoch."""
    return lambda value: time.strftime(pattern, time.gmtime(of(value)))


def _hidden(name: str) -> str:
    head, tail = os.path.split(name)
    return os.path.join(head, HIDDEN + tail)


def _publish(hidden: Path, final: Path) -> None:
    if final.exists():
        raise FileExistsError(f"{final} is there already, and {hidden} would replace it")
    os.rename(hidden, final)
    # Without it a crash of the machine may bring the hidden name back, after the checkpoint that committed it is gone.
    descriptor = os.open(final.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
