"""A conformance kit for two-phase sinks: every rule of ``TwoPhaseCommitSink``, held against a sink of one's own.

A broken rule raises ``AssertionError`` with its name and what was found.
"""

import pickle
from collections.abc import Callable, Sequence

from sage_local.testing.sink_bench import Bench, SinkUnderTest


def check_two_phase_sink(make: Callable[[], SinkUnderTest]) -> list[str]:
    """Run every scenario, each on a place of its own from ``make()``; returns the names of the rules that were held."""
    for rule in _RULES:
        place = make()
        if not isinstance(place, SinkUnderTest):
            raise TypeError(f"check_two_phase_sink: expected a function that returns a SinkUnderTest, found {place!r}")
        bench = Bench(place)
        try:
            rule(bench)
        except AssertionError as error:
            raise AssertionError(f"{_name(rule)}: {error}") from None
        finally:
            bench.close()
    return [_name(rule) for rule in _RULES]


def _nothing_is_visible_before_its_checkpoint_is_complete(bench: Bench) -> None:
    run = bench.start()
    run.write(bench.records[:3])
    bench.expect([], "written")
    run.prepare(1)
    bench.expect([], "prepared")
    run.end()
    bench.expect([], "ended")
    run.finish()
    bench.expect(bench.records[:3], "the final checkpoint was complete")


def _committing_twice_is_committing_once(bench: Bench) -> None:
    snapshot = bench.start().run_to_end(bench.records[:3])
    bench.expect(bench.records[:3], "committed")
    bench.start(snapshot)
    bench.expect(bench.records[:3], "committed again by another instance")
    bench.start(snapshot)
    bench.expect(bench.records[:3], "committed a third time")


def _another_process_can_commit_what_a_dead_one_prepared(bench: Bench) -> None:
    snapshot = bench.start().end(bench.records[:3])
    bench.start(snapshot).finish()
    bench.expect(bench.records[:3], "the next execution had recovered")


def _records_behind_the_barrier_belong_to_the_next_transaction(bench: Bench) -> None:
    run = bench.start()
    snapshot = run.prepare(1, bench.records[:2])
    run.write(bench.records[2:4])
    bench.start(snapshot).run_to_end(bench.records[2:4])
    bench.expect(bench.records[:4], "killed behind checkpoint 1, restored from it and run to the end")


def _what_a_killed_execution_had_written_leaves_no_trace(bench: Bench) -> None:
    bench.start().write(bench.records[:3])
    bench.start().run_to_end(bench.records[:3])
    bench.expect(bench.records[:3], "killed before any checkpoint, and run to the end")


def _what_was_prepared_for_no_complete_checkpoint_leaves_no_trace(bench: Bench) -> None:
    run = bench.start()
    first = run.complete(1, bench.records[:2])
    run.prepare(2, bench.records[2:4])
    bench.start(first).run_to_end(bench.records[2:6])
    bench.expect(bench.records[:6], "killed with checkpoint 2 prepared, restored from 1 and run to the end")


def _a_transaction_outlives_an_aborted_checkpoint(bench: Bench) -> None:
    run = bench.start()
    run.prepare(1, bench.records[:2])
    run.complete(2, bench.records[2:4])
    run.run_to_end(bench.records[4:6])
    bench.expect(bench.records[:6], "checkpoint 1 was never complete, 2 was")


def _aborted_transactions_are_never_seen(bench: Bench) -> None:
    run = bench.start()
    first = run.complete(1, bench.records[:2])
    run.prepare(2, bench.records[2:4])
    run.cancel(completed=1)
    bench.start(first).run_to_end(bench.records[2:4])
    bench.expect(bench.records[:4], "cancelled with checkpoint 2 prepared, restored from 1 and run to the end")


def _an_abort_takes_nothing_with_it_that_a_checkpoint_knows(bench: Bench) -> None:
    run = bench.start()
    first = run.complete(1, bench.records[:2])
    run.end(bench.records[2:4])
    run.cancel(completed=1)
    bench.start(first).run_to_end(bench.records[2:6])
    bench.expect(bench.records[:6], "cancelled with the end prepared, restored from checkpoint 1 and run to the end")


def _aborting_twice_is_aborting_once(bench: Bench) -> None:
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


def _a_cancel_commits_what_is_complete(bench: Bench) -> None:
    run = bench.start()
    snapshot = run.prepare(1, bench.records[:2])
    run.cancel(completed=1)
    bench.start(snapshot).run_to_end()
    bench.expect(bench.records[:2], "cancelled right after checkpoint 1 was complete, and restored from it")


def _an_empty_transaction_is_no_harm(bench: Bench) -> None:
    again = bench.start(bench.start().complete(1))
    again.complete(2)
    again.run_to_end()
    bench.expect([], "nothing was ever written")


def _subtasks_do_not_disturb_each_other(bench: Bench) -> None:
    one, two = bench.start(subtask=0), bench.start(subtask=1)
    one.write(bench.records[:2])
    two.write(bench.records[2:4])
    snapshot = one.prepare(1)
    two.prepare(1)
    bench.start(snapshot, subtask=0).run_to_end()
    two.run_to_end()
    bench.expect(bench.records[:4], "one of two subtasks was restored")


def _many_checkpoints_in_a_row_lose_and_repeat_nothing(bench: Bench) -> None:
    snapshot = None
    for checkpoint, record in enumerate(bench.records, start=1):
        bench.start(snapshot)  # and killed at once
        run = bench.start(snapshot)
        snapshot = (run.complete if checkpoint % 2 else run.prepare)(checkpoint, [record])
    bench.start(snapshot).run_to_end()
    bench.expect(bench.records, "killed after every checkpoint, told of every other one")


_RULES: Sequence[Callable[[Bench], None]] = (
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


def _name(rule: Callable[[Bench], None]) -> str:
    return rule.__name__.strip("_").replace("_", " ")
