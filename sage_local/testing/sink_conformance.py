"""A conformance kit for two-phase sinks: every rule of ``TwoPhaseCommitSink``, held against a sink of one's own.

Each rule is a scenario that runs the sink as the engine does, through executions that end in order or die at the
worst moment. A broken rule raises ``AssertionError`` with its name and what was found.
"""

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


def check_two_phase_sink(make: Callable[[], SinkUnderTest]) -> list[str]:
    """Run every scenario, each on a place of its own from ``make()``; returns the names of the rules that were held."""
    for rule in _RULES:
        place = make()
        if len(place.records) < 6:
            raise ValueError(f"expected at least 6 records to tell transactions apart, found {len(place.records)}")
        bench = _Bench(place)
        try:
            rule(bench)
        except AssertionError as error:
            raise AssertionError(f"{_name(rule)}: {error}") from None
        finally:
            bench.close()
    return [_name(rule) for rule in _RULES]


class _Bench:
    """A place, and the submitted sink from which every execution gets a copy of its own."""

    def __init__(self, place: SinkUnderTest) -> None:
        import cloudpickle

        self.records = list(place.records)
        self._visible = place.visible
        self._pickled = cloudpickle.dumps(place.new())
        self._executions: list[_Execution] = []

    def start(self, snapshot: bytes | None = None, *, subtask: int = 0) -> "_Execution":
        """A new execution, from a checkpoint or from nothing."""
        execution = _Execution(pickle.loads(self._pickled), snapshot, subtask)
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


class _Execution:
    """One subtask of a sink from ``open`` to its end; left alone, it was killed."""

    def __init__(self, sink: TwoPhaseCommitSink[Any, Any], snapshot: bytes | None, subtask: int) -> None:
        self.sink = sink
        sink.open(FunctionContext(job_name="kit", operator_name="sink", subtask_index=subtask, parallelism=2))
        self._is_closed = False
        self._transactions = Transactions(sink)
        self._transactions.recover(snapshot)

    def write(self, records: Iterable[Any]) -> None:
        for record in records:
            self.sink.write(record)

    def prepare(self, checkpoint: int) -> bytes:
        return self._transactions.prepare(checkpoint)

    def complete(self, checkpoint: int) -> None:
        self._transactions.complete(checkpoint)

    def end(self) -> bytes:
        return self._transactions.end()

    def finish(self) -> None:
        """The final checkpoint is complete."""
        self._transactions.complete(LATEST)
        self.close()

    def cancel(self, completed: int) -> None:
        self._transactions.abandon(completed)
        self.close()

    def close(self) -> None:
        """Once."""
        if not self._is_closed:
            self._is_closed = True
            self.sink.close()


def _nothing_is_visible_before_its_checkpoint_is_complete(bench: _Bench) -> None:
    run = bench.start()
    run.write(bench.records[:3])
    bench.expect([], "written")
    run.prepare(1)
    bench.expect([], "prepared")
    run.end()
    bench.expect([], "ended")
    run.finish()
    bench.expect(bench.records[:3], "the final checkpoint was complete")


def _committing_twice_is_committing_once(bench: _Bench) -> None:
    run = bench.start()
    run.write(bench.records[:3])
    snapshot = run.end()
    run.finish()
    bench.expect(bench.records[:3], "committed")
    bench.start(snapshot)
    bench.expect(bench.records[:3], "committed again by another instance")
    bench.start(snapshot)
    bench.expect(bench.records[:3], "committed a third time")


def _another_process_can_commit_what_a_dead_one_prepared(bench: _Bench) -> None:
    run = bench.start()
    run.write(bench.records[:3])
    snapshot = run.end()
    bench.start(snapshot).finish()
    bench.expect(bench.records[:3], "the next execution had recovered")


def _records_behind_the_barrier_belong_to_the_next_transaction(bench: _Bench) -> None:
    run = bench.start()
    run.write(bench.records[:2])
    snapshot = run.prepare(1)
    run.write(bench.records[2:4])
    again = bench.start(snapshot)
    again.write(bench.records[2:4])
    again.end()
    again.finish()
    bench.expect(bench.records[:4], "killed behind checkpoint 1, restored from it and run to the end")


def _what_a_killed_execution_had_written_leaves_no_trace(bench: _Bench) -> None:
    run = bench.start()
    run.write(bench.records[:3])
    again = bench.start()
    again.write(bench.records[:3])
    again.end()
    again.finish()
    bench.expect(bench.records[:3], "killed before any checkpoint, and run to the end")


def _what_was_prepared_for_no_complete_checkpoint_leaves_no_trace(bench: _Bench) -> None:
    run = bench.start()
    run.write(bench.records[:2])
    first = run.prepare(1)
    run.complete(1)
    run.write(bench.records[2:4])
    run.prepare(2)
    again = bench.start(first)
    again.write(bench.records[2:6])
    again.end()
    again.finish()
    bench.expect(bench.records[:6], "killed with checkpoint 2 prepared, restored from 1 and run to the end")


def _a_transaction_outlives_an_aborted_checkpoint(bench: _Bench) -> None:
    run = bench.start()
    run.write(bench.records[:2])
    run.prepare(1)
    run.write(bench.records[2:4])
    run.prepare(2)
    run.complete(2)
    run.write(bench.records[4:6])
    run.end()
    run.finish()
    bench.expect(bench.records[:6], "checkpoint 1 was never complete, 2 was")


def _aborted_transactions_are_never_seen(bench: _Bench) -> None:
    run = bench.start()
    run.write(bench.records[:2])
    first = run.prepare(1)
    run.complete(1)
    run.write(bench.records[2:4])
    run.prepare(2)
    run.cancel(completed=1)
    again = bench.start(first)
    again.write(bench.records[2:4])
    again.end()
    again.finish()
    bench.expect(bench.records[:4], "cancelled with checkpoint 2 prepared, restored from 1 and run to the end")


def _an_abort_takes_nothing_with_it_that_a_checkpoint_knows(bench: _Bench) -> None:
    run = bench.start()
    run.write(bench.records[:2])
    first = run.prepare(1)
    run.complete(1)
    run.write(bench.records[2:4])
    run.end()
    run.cancel(completed=1)
    again = bench.start(first)
    again.write(bench.records[2:6])
    again.end()
    again.finish()
    bench.expect(bench.records[:6], "cancelled with the end prepared, restored from checkpoint 1 and run to the end")


def _aborting_twice_is_aborting_once(bench: _Bench) -> None:
    run = bench.start()
    run.write(bench.records[:2])
    run.sink.end()
    handle = run.sink.prepare(1)
    if handle is not None:
        handle = pickle.loads(pickle.dumps(handle))
        run.sink.abort(handle)
        run.sink.abort(handle)
    run.close()
    bench.expect([], "aborted")


def _a_cancel_commits_what_is_complete(bench: _Bench) -> None:
    run = bench.start()
    run.write(bench.records[:2])
    snapshot = run.prepare(1)
    run.cancel(completed=1)
    again = bench.start(snapshot)
    again.end()
    again.finish()
    bench.expect(bench.records[:2], "cancelled right after checkpoint 1 was complete, and restored from it")


def _an_empty_transaction_is_no_harm(bench: _Bench) -> None:
    run = bench.start()
    snapshot = run.prepare(1)
    run.complete(1)
    again = bench.start(snapshot)
    again.prepare(2)
    again.complete(2)
    again.end()
    again.finish()
    bench.expect([], "nothing was ever written")


def _subtasks_do_not_disturb_each_other(bench: _Bench) -> None:
    one, two = bench.start(subtask=0), bench.start(subtask=1)
    one.write(bench.records[:2])
    two.write(bench.records[2:4])
    snapshot = one.prepare(1)
    two.prepare(1)
    again = bench.start(snapshot, subtask=0)
    again.end()
    again.finish()
    two.end()
    two.finish()
    bench.expect(bench.records[:4], "one of two subtasks was restored")


def _many_checkpoints_in_a_row_lose_and_repeat_nothing(bench: _Bench) -> None:
    snapshot = None
    for checkpoint, record in enumerate(bench.records, start=1):
        run = bench.start(snapshot)
        run.write([record])
        snapshot = run.prepare(checkpoint)
        if checkpoint % 2:
            run.complete(checkpoint)
        last = bench.start(snapshot)
    last.end()
    last.finish()
    bench.expect(bench.records, "killed after every checkpoint, told of every other one")


_RULES: Sequence[Callable[[_Bench], None]] = (
    _nothing_is_visible_before_its_checkpoint_is_complete,
    _committing_twice_is_committing_once,
    _another_process_can_commit_what_a_dead_one_prepared,
    _records_behind_the_barrier_belong_to_the_next_transaction,
    _what_a_killed_execution_had_written_leaves_no_trace,
    _what_was_prepared_for_no_complete_checkpoint_leaves_no_trace,
    _a_transaction_outlives_an_aborted_checkpoint,
    _aborted_transactions_are_never_seen,
    _an_abort_takes_nothing_with_it_that_a_checkpoint_knows,
    _aborting_twice_is_aborting_once,
    _a_cancel_commits_what_is_complete,
    _an_empty_transaction_is_no_harm,
    _subtasks_do_not_disturb_each_other,
    _many_checkpoints_in_a_row_lose_and_repeat_nothing,
)


def _name(rule: Callable[[_Bench], None]) -> str:
    return rule.__name__.strip("_").replace("_", " ")
