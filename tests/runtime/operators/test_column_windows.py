"""Vectorised windows without a task: what is late, and what snapshots hold, at any parallelism."""

import random
from array import array
from dataclasses import replace
from typing import Any

import pyarrow as pa
import pytest

from sage_local import (
    Count,
    EventTimeSessionWindows,
    SlidingEventTimeWindows,
    TumblingEventTimeWindows,
)
from sage_local.config import Settings
from sage_local.core.clock import ManualClock
from sage_local.core.elements import MAX_TIMESTAMP, Columns, Watermark
from sage_local.core.ids import ChainId, TaskId
from sage_local.functions.columns import ColumnKey, NamedAggregate
from sage_local.plan.columns import AggregateColumns, MapBatches, WindowColumns
from sage_local.runtime.codec.column_keys import partition_columns
from sage_local.runtime.codec.columns import decode_stream
from sage_local.runtime.metrics.table import OperatorCounters
from sage_local.runtime.operators.columns.stored import ROWS_AT_ONCE, ROWS_PER_CHUNK
from sage_local.runtime.operators.columns.windows import MOST_PENDING
from sage_local.runtime.operators.factory import build
from sage_local.runtime.operators.protocol import TaskContext
from sage_local.runtime.state.snapshot import StateSnapshot
from tests.runtime.operators.window_driver import completed, opened, outputs, window

AGGREGATES = (
    NamedAggregate("total", "value", "sum"),
    NamedAggregate("n", "", "size"),
    NamedAggregate("most", "value", "max"),
    NamedAggregate("average", "value", "mean"),
)


class Subtask:
    """One subtask of an operator; ``out`` is what has come out so far, as rows."""

    def __init__(self, spec: Any, subtask: int = 0, parallelism: int = 1, snapshot: Any = None, **config: Any) -> None:
        settings = Settings({"parallelism": parallelism, **config})
        self.counters = OperatorCounters(array("q", bytes(800)), 0)
        (self.operator,) = build([(spec, self.counters)], settings)
        if snapshot is not None:
            self.operator.restore(snapshot)
        self.operator.open(TaskContext("j", TaskId(ChainId(0), subtask), parallelism, settings, ManualClock()))
        self.out: list[dict[str, Any]] = []

    def batch(self, batch: pa.RecordBatch) -> None:
        self._take(self.operator.process(Columns(batch)))

    def watermark(self, time: int) -> None:
        self._take(self.operator.watermark(Watermark(time)))

    def end(self) -> None:
        if hasattr(self.operator, "watermark"):
            self.watermark(MAX_TIMESTAMP)
        self._take(self.operator.end())

    def _take(self, elements: Any) -> None:
        for element in elements:
            if isinstance(element, Columns):
                element.values.validate(full=True)
                self.out += element.values.to_pylist()


def windows(assigner: Any) -> WindowColumns:
    key = ColumnKey(("key",))
    return WindowColumns(
        name="w", key_selector=key, keys=("key",), aggregates=AGGREGATES, assigner=assigner, time_column="ts"
    )


def events(*rows: tuple[str, int, int]) -> pa.RecordBatch:
    return pa.RecordBatch.from_pylist(
        [{"key": key, "ts": ts, "value": value} for key, ts, value in rows],
        schema=pa.schema({"key": pa.string(), "ts": pa.int64(), "value": pa.int64()}),
    )


def totals(subtask: Subtask) -> list[tuple[Any, ...]]:
    return sorted((row["key"], row["window_start"], row["window_end"], row["total"]) for row in subtask.out)


def test_a_window_is_over_when_the_watermark_reaches_its_last_millisecond() -> None:
    subtask = Subtask(windows(TumblingEventTimeWindows.of(10)))
    subtask.batch(events(("a", 3, 1), ("a", 12, 2)))
    subtask.watermark(8)
    assert totals(subtask) == []
    subtask.watermark(9)
    assert totals(subtask) == [("a", 0, 10, 1)]
    subtask.end()
    assert totals(subtask) == [("a", 0, 10, 1), ("a", 10, 20, 2)]


def test_records_of_windows_that_are_over_are_dropped_and_counted() -> None:
    subtask = Subtask(windows(TumblingEventTimeWindows.of(10)))
    subtask.watermark(9)
    subtask.batch(events(("a", 3, 1), ("b", 10, 2)))
    subtask.end()
    assert totals(subtask) == [("b", 10, 20, 2)]
    assert subtask.counters.records_late == 1


def test_a_record_is_in_those_of_its_sliding_windows_that_are_not_over() -> None:
    subtask = Subtask(windows(SlidingEventTimeWindows.of(30, 10)))
    subtask.watermark(19)
    subtask.batch(events(("a", 5, 1)))
    subtask.end()
    assert totals(subtask) == [("a", 0, 30, 1)]


def test_a_late_record_is_kept_where_it_touches_a_session_that_is_not_over() -> None:
    subtask = Subtask(windows(EventTimeSessionWindows.with_gap(10)))
    subtask.batch(events(("a", 20, 1)))
    subtask.watermark(25)
    subtask.batch(events(("a", 12, 2), ("b", 12, 4), ("a", 1, 8)))
    subtask.end()
    assert totals(subtask) == [("a", 12, 30, 3)]
    assert subtask.counters.records_late == 2


def random_steps(seed: int) -> list[pa.RecordBatch | int]:
    chance = random.Random(seed)
    steps: list[pa.RecordBatch | int] = []
    now = 0
    for _ in range(12):
        now += chance.randrange(40)
        rows = [(f"k{chance.randrange(6)}", now + chance.randrange(-20, 20), chance.randrange(9)) for _ in range(15)]
        steps += [events(*rows), now - 21]
    return steps


def apply(subtask: Subtask, step: pa.RecordBatch | int) -> None:
    if isinstance(step, int):
        subtask.watermark(step)
    else:
        subtask.batch(step)


ASSIGNERS = [
    TumblingEventTimeWindows.of(25),
    SlidingEventTimeWindows.of(40, 15),
    EventTimeSessionWindows.with_gap(7),
    TumblingEventTimeWindows.of("1h", time_zone="Europe/Berlin"),
]


def run(spec: Any, steps: Any, stop: int | None = None, snapshot_into: int = 1) -> list[dict[str, Any]]:
    """With ``stop``: taken down behind that step, and gone on with in so many subtasks."""
    first = Subtask(spec)
    for step in steps[:stop]:
        apply(first, step)
    if stop is None:
        first.end()
        return first.out
    out = list(first.out)
    at_the_cut = first.operator.capture(changes_only=False)
    for step in steps[stop : stop + 3]:
        apply(first, step)  # is in no snapshot
    snapshot = completed(at_the_cut)
    whole = StateSnapshot(snapshot.key_groups, snapshot.subtasks)
    subtasks = [Subtask(spec, index, snapshot_into, whole) for index in range(snapshot_into)]
    for step in steps[stop:]:
        if isinstance(step, int):
            for subtask in subtasks:
                subtask.watermark(step)
        else:
            for target, part in partition_columns(step, ["key"], snapshot_into, 128):
                subtasks[target].batch(part)
    for subtask in subtasks:
        subtask.end()
        out = out + subtask.out
    return out


def ordered(rows: list[dict[str, Any]]) -> list[str]:
    return sorted(map(repr, rows))


@pytest.mark.parametrize("parallelism", [1, 3])
@pytest.mark.parametrize("assigner", ASSIGNERS)
def test_windows_go_on_from_a_snapshot_at_any_step_and_parallelism(assigner: Any, parallelism: int) -> None:
    steps = random_steps(parallelism)
    whole = ordered(run(windows(assigner), steps))
    for stop in range(0, len(steps), 3):
        assert ordered(run(windows(assigner), steps, stop, parallelism)) == whole


@pytest.mark.parametrize("parallelism", [1, 3])
def test_aggregates_go_on_from_a_snapshot_at_any_parallelism(parallelism: int) -> None:
    spec = AggregateColumns(name="a", key_selector=ColumnKey(("key",)), keys=("key",), aggregates=AGGREGATES)
    steps = [step for step in random_steps(7) if not isinstance(step, int)]
    whole: dict[str, Any] = {row["key"]: row for row in run(spec, steps)}
    for stop in range(0, len(steps), 4):
        found = {row["key"]: row for row in run(spec, steps, stop, parallelism)}
        assert found == whole


@pytest.mark.parametrize("assigner", ASSIGNERS[:3])
def test_much_state_is_captured_in_many_pieces(assigner: Any) -> None:
    first, whole = Subtask(windows(assigner)), Subtask(windows(assigner))
    for start in range(0, 40_000, 10_000):
        batch = events(*[(f"k{number}", 0, number) for number in range(start, start + 10_000)])
        first.batch(batch)
        whole.batch(batch)
    captured = first.operator.capture(changes_only=False)
    pieces = list(iter(captured.capture.advance, None))
    assert max(len(decode_stream(chunk)) for piece in pieces for _, chunk in piece) < 1000
    assert len(pieces) > 40_000 / ROWS_AT_ONCE
    groups: dict[int, list[bytes]] = {}
    for piece in pieces:
        for group, chunk in piece:
            groups.setdefault(group, []).append(chunk)
    second = Subtask(windows(assigner), snapshot=StateSnapshot(groups, captured.subtasks))
    second.end()
    whole.end()
    assert ordered(second.out) == ordered(whole.out)


def test_state_without_keys_is_captured_in_chunks_too() -> None:
    spec = replace(windows(EventTimeSessionWindows.with_gap(1)), key_selector=None, keys=())
    first = Subtask(spec)
    first.batch(events(*[("k", 5 * number, 1) for number in range(2 * ROWS_PER_CHUNK)]))
    snapshot = first.operator.snapshot()
    assert {group: len(chunks) for group, chunks in snapshot.key_groups.items()} == {0: 2}
    second = Subtask(spec, snapshot=snapshot)
    second.end()
    assert len(second.out) == 2 * ROWS_PER_CHUNK


def test_small_partials_are_merged_before_they_are_many() -> None:
    subtask = Subtask(windows(TumblingEventTimeWindows.of(10)))
    for time in range(10 * MOST_PENDING):
        subtask.batch(events(("a", time % 20, 1)))
        assert subtask.operator.capture(changes_only=False).entries["windows"] <= MOST_PENDING + 5
    subtask.end()
    assert [row["n"] for row in subtask.out] == [5 * MOST_PENDING] * 2


def test_batches_that_wait_for_more_are_in_the_snapshot() -> None:
    spec = MapBatches(name="m", function=lambda batch: pa.record_batch({"n": [len(batch)]}), batch_size=10)
    first = Subtask(spec)
    first.batch(events(*[("a", 1, 1)] * 7))
    second = Subtask(spec, snapshot=first.operator.snapshot())
    second.batch(events(*[("a", 1, 1)] * 7))
    second.end()
    assert [row["n"] for row in second.out] == [10, 4]
    assert first.out == []


@pytest.mark.parametrize(
    "assigner",
    [
        TumblingEventTimeWindows.of(10),
        SlidingEventTimeWindows.of(15, 6),
        SlidingEventTimeWindows.of(10, 10),
        EventTimeSessionWindows.with_gap(4),
    ],
    ids=["tumbling", "sliding", "side by side", "session"],
)
@pytest.mark.parametrize("keys", [None, ("a",), ("a", "c"), ("nobody",)])
def test_the_windows_that_wait_are_those_that_would_wait_of_rows(assigner: Any, keys: Any) -> None:
    chance = random.Random(7)
    records = [(chance.choice("abc"), chance.randrange(60), 1) for _ in range(40)]
    subtask, of_rows = Subtask(windows(assigner)), opened(window(assigner, aggregate=Count()))
    assert of_rows.waiting(keys, 20) == subtask.operator.waiting(keys, 20) == []
    for watermark in (5, 17, 40, 70):
        part, records = records[:10], records[10:]
        subtask.batch(events(*part))
        outputs(of_rows, [(key, time, value) for key, time, value in part])
        subtask.watermark(watermark)
        outputs(of_rows, watermark)
        for most in (2, 20):
            assert subtask.operator.waiting(keys, most) == of_rows.waiting(keys, most)
        assert subtask.operator.event_time == of_rows.event_time == watermark
    assert subtask.operator.clock_ms == 0


def test_to_ask_what_waits_changes_nothing() -> None:
    asked, other = (Subtask(windows(EventTimeSessionWindows.with_gap(4))) for _ in range(2))
    for batch in (events(("a", 0, 1)), events(("a", 3, 2)), events(("a", 9, 4))):
        asked.batch(batch)
        asked.operator.waiting(None, 20)
        other.batch(batch)
    asked.end()
    other.end()
    assert totals(asked) == totals(other)
