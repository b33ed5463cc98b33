"""The transactions of a two-phase sink in one subtask: which are prepared, which are due, what a snapshot holds."""

import pickle
from typing import Any

from sage_local.core.data import data
from sage_local.functions.sink import TwoPhaseCommitSink
from sage_local.runtime.state.chunk import PROTOCOL

LATEST = 1 << 62
"""Stands for a checkpoint behind all others, where there is only the end of the job."""


@data
class Prepared:
    """``checkpoint`` is the first one that holds ``handle``."""

    checkpoint: int
    handle: Any


class Transactions:
    """Calls the sink in the order that ``TwoPhaseCommitSink`` promises; its exceptions pass through."""

    def __init__(self, sink: TwoPhaseCommitSink[Any, Any]) -> None:
        self._sink = sink
        self._prepared: list[Prepared] = []

    def recover(self, snapshot: bytes | None) -> None:
        """After ``open``: commit what the restored checkpoint had prepared, then let the sink clean up."""
        handles, state = ([], None) if snapshot is None else pickle.loads(snapshot)
        for handle in handles:
            self._sink.commit(handle)
        self._sink.recover(state)

    def prepare(self, checkpoint: int) -> bytes:
        """End the transaction at hand; the snapshot holds every one that is not committed yet.

        What was prepared for a checkpoint that came to nothing is still due: its records will not come again.
        """
        handle = self._sink.prepare(checkpoint)
        if handle is not None:
            self._prepared.append(Prepared(checkpoint, handle))
        return pickle.dumps(([each.handle for each in self._prepared], self._sink.snapshot()), PROTOCOL)

    def end_records(self) -> None:
        """No record follows in this execution."""
        self._sink.end()

    def end(self, next_checkpoint: int = LATEST) -> bytes:
        """The last transaction: every checkpoint from ``next_checkpoint`` on knows this subtask by this snapshot."""
        self.end_records()
        return self.prepare(next_checkpoint)

    @property
    def waiting(self) -> int:
        """How many are prepared and not committed."""
        return len(self._prepared)

    def complete(self, checkpoint: int) -> None:
        """``checkpoint`` is complete, and so is every earlier one that counts."""
        while self._prepared and self._prepared[0].checkpoint <= checkpoint:
            self._sink.commit(self._prepared[0].handle)
            del self._prepared[0]

    def abandon(self, completed: int) -> None:
        """The execution ends: commit what checkpoint ``completed`` holds, abort what no checkpoint will ever hold."""
        self.complete(completed)
        while self._prepared:
            self._sink.abort(self._prepared.pop(0).handle)
