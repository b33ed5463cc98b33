"""Sinks that hand their records to the test."""

import pickle
import struct
from collections.abc import Iterator
from typing import Any, Generic, TypeVar

from sage_local.functions.context import FunctionContext
from sage_local.functions.sink import SinkFunction, TwoPhaseCommitSink
from sage_local.testing.scratch import ScratchFile

T = TypeVar("T")

_HEAD = struct.Struct("<IQ")
"""Subtask and length of the pickle behind it."""


class CollectingSink(SinkFunction[T], Generic[T]):
    """``stream.sink(sink)``, and ``sink.records`` has what came, also while the job still runs, in every engine.

    At-least-once, as every plain sink: a job that restarts writes some records again. Records of one subtask are in
    order; those of several are in the order in which they were written.
    """

    def __init__(self) -> None:
        self._file = ScratchFile()
        self._subtask = 0

    def open(self, context: FunctionContext, /) -> None:
        """Called by the engine."""
        self._subtask = context.subtask_index

    def write(self, value: T, /) -> None:
        """Called by the engine."""
        self._file.append(_framed(self._subtask, value))

    @property
    def records(self) -> list[T]:
        """Every record so far."""
        return [record for _, record in _frames(self._file.read())]

    @property
    def by_subtask(self) -> dict[int, list[T]]:
        """The records of each subtask that had any."""
        found: dict[int, list[T]] = {}
        for subtask, record in _frames(self._file.read()):
            found.setdefault(subtask, []).append(record)
        return found

    def clear(self) -> None:
        """Forget the records: for another run of the same program."""
        self._file.clear()


class TransactionalCollectingSink(TwoPhaseCommitSink[T, tuple[str, list[T]]], Generic[T]):
    """As ``CollectingSink``, and exactly once: records appear when the checkpoint that they belong to is complete."""

    def __init__(self) -> None:
        self._file = ScratchFile()
        self._subtask = 0
        self._pending: list[T] = []

    def open(self, context: FunctionContext, /) -> None:
        """Called by the engine, as are the following."""
        self._subtask = context.subtask_index

    def write(self, value: T, /) -> None:
        """Keep the record for the transaction at hand."""
        self._pending.append(value)

    def prepare(self, checkpoint: int, /) -> tuple[str, list[T]] | None:
        """The records are their own handle: they travel in the checkpoint."""
        if not self._pending:
            return None
        # Imported here: a job without this sink should not load it.
        import uuid

        records, self._pending = self._pending, []
        return uuid.uuid4().hex, records

    def commit(self, handle: tuple[str, list[T]], /) -> None:
        """Written again it is known by its name, and counts once."""
        self._file.append(_framed(self._subtask, handle))

    def abort(self, handle: tuple[str, list[T]], /) -> None:
        """Nothing was written yet."""

    @property
    def records(self) -> list[T]:
        """Every committed record so far."""
        committed: dict[str, list[T]] = {}
        for _, (name, records) in _frames(self._file.read()):
            committed.setdefault(name, records)
        return [record for records in committed.values() for record in records]

    def clear(self) -> None:
        """Forget the records: for another run of the same program."""
        self._file.clear()


def _framed(subtask: int, value: Any) -> bytes:
    import cloudpickle  # classes of the test module, which a worker may have by value only

    body: bytes = cloudpickle.dumps(value)
    return _HEAD.pack(subtask, len(body)) + body


def _frames(data: bytes) -> Iterator[tuple[int, Any]]:
    place = 0
    while place < len(data):
        subtask, length = _HEAD.unpack_from(data, place)
        place += _HEAD.size
        yield subtask, pickle.loads(data[place : place + length])
        place += length
