"""A two-phase sink run as the engine runs it, through executions that end in order or die at any moment."""

import pickle
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sage_local.functions.context import FunctionContext
from sage_local.functions.sink import TwoPhaseCommitSink
from sage_local.runtime.operators.transactions import LATEST, Transactions


@dataclass(frozen=True, slots=True)
class SinkUnderTest:
    """One place that sinks write to, empty at first.

    ``new()`` makes a sink that writes to that place, as ``submit`` would get it from the user; ``visible()`` returns
    every record that a reader of the place sees, in any order. ``records`` are told apart by ``repr``; at least six.
    """

    new: Callable[[], TwoPhaseCommitSink[Any, Any]]
    visible: Callable[[], Iterable[Any]]
    records: Sequence[Any] = tuple(f"record {number}" for number in range(6))


class Bench:
    """A place, and the submitted sink from which every execution gets a copy of its own."""

    def __init__(self, place: SinkUnderTest) -> None:
        import cloudpickle

        if len(place.records) < 6:
            raise ValueError(f"expected at least 6 records to tell transactions apart, found {len(place.records)}")
        self.records = list(place.records)
        self._visible = place.visible
        self._pickled = cloudpickle.dumps(place.new())
        self._executions: list[Execution] = []

    def start(self, snapshot: bytes | None = None, *, subtask: int = 0) -> "Execution":
        """A new execution, from a checkpoint or from nothing."""
        execution = Execution(pickle.loads(self._pickled), snapshot, subtask)
        self._executions.append(execution)
        return execution

    def close(self) -> None:
        """Let go of what the killed hold. Only now: who is killed writes nothing more, not even what is buffered."""
        for execution in self._executions:
            execution.close()

    def expect(self, records: Iterable[Any], when: str) -> None:
        """These are visible, each as often as it is in ``records``."""
        found, wanted = Counter(map(repr, self._visible())), Counter(map(repr, records))
        missing, extra = wanted - found, found - wanted
        told = [f"missing {dict(missing)}"] if missing else []
        told += [f"too many {dict(extra)}"] if extra else []
        assert not told, f"{when}: {', '.join(told)}"


class Execution:
    """One subtask of a sink from ``open`` to its end; left alone, it was killed. ``records`` are written first."""

    def __init__(self, sink: TwoPhaseCommitSink[Any, Any], snapshot: bytes | None, subtask: int) -> None:
        self.sink = sink
        sink.open(FunctionContext(job_name="kit", operator_name="sink", subtask_index=subtask, parallelism=2))
        self._is_closed = False
        self._transactions = Transactions(sink)
        self._transactions.recover(snapshot)

    def write(self, records: Iterable[Any]) -> None:
        """Into the transaction at hand."""
        for record in records:
            self.sink.write(record)

    def prepare(self, checkpoint: int, records: Iterable[Any] = ()) -> bytes:
        """The barrier of ``checkpoint`` has come; returns the snapshot."""
        self.write(records)
        return self._transactions.prepare(checkpoint)

    def complete(self, checkpoint: int, records: Iterable[Any] = ()) -> bytes:
        """The same, and the checkpoint is complete."""
        snapshot = self.prepare(checkpoint, records)
        self._transactions.complete(checkpoint)
        return snapshot

    def end(self, records: Iterable[Any] = ()) -> bytes:
        """The input has ended; returns the last snapshot."""
        self.write(records)
        return self._transactions.end()

    def finish(self) -> None:
        """The final checkpoint is complete."""
        self._transactions.complete(LATEST)
        self.close()

    def run_to_end(self, records: Iterable[Any] = ()) -> bytes:
        """The input has ended, and the final checkpoint is complete."""
        snapshot = self.end(records)
        self.finish()
        return snapshot

    def cancel(self, completed: int) -> None:
        """The job was cancelled after checkpoint ``completed``."""
        self._transactions.abandon(completed)
        self.close()

    def close(self) -> None:
        """Once."""
        if not self._is_closed:
            self._is_closed = True
            self.sink.close()
