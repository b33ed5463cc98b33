"""Programs with windows drawn by chance: processes at any parallelism = inline = a plain evaluation."""

from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sage_local import (
    EventTimeSessionWindows,
    GlobalWindows,
    SlidingEventTimeWindows,
    SourceFunction,
    SplitReader,
    TumblingEventTimeWindows,
    WatermarkStrategy,
)
from tests.event_streams import LATE, Event, environment, hastily_stamped, hasty
from tests.runtime.operators.window_draws import AGGREGATES, FIRINGS, MERGING, SIZES, trigger
from tests.runtime.operators.window_model import Firing, Model, Step, sliding

ENGINES = st.integers(1, 4).map(lambda workers: [("inline", 1), ("inline", 3), ("processes", workers)])
FEW = settings(max_examples=6, suppress_health_check=[HealthCheck.too_slow])

TIMES = st.one_of(st.integers(-50, 300), st.sampled_from([-(2**63) + 1, 2**63 - 2, -(10**15), 10**15]))
RECORDS = st.lists(st.tuples(st.sampled_from("abc"), TIMES, st.integers(-9, 9)), max_size=50)


def steps(records: list[Event]) -> list[Step]:
    """What an operator sees of ``records``."""
    seen: list[Step] = []
    latest = -(2**63)
    for record in records:
        seen.append([record])
        latest = max(latest, hasty(record[1]))
        seen.append(latest)
    return seen


class Drawn(NamedTuple):
    """Windows, and what they mean."""

    assigner: Any
    model: Model
    aggregates: list[str]


KINDS: dict[str, Callable[[int, int, int, Firing], Drawn]] = {
    "tumbling": lambda size, slide, lateness, firing: Drawn(
        TumblingEventTimeWindows.of(size),
        Model(sliding(size, size), lateness=lateness, firing=firing),
        sorted(AGGREGATES),
    ),
    "sliding": lambda size, slide, lateness, firing: Drawn(
        SlidingEventTimeWindows.of(size, slide),
        Model(sliding(size, slide), lateness=lateness, firing=firing),
        sorted(AGGREGATES),
    ),
    "session": lambda size, slide, lateness, firing: Drawn(
        EventTimeSessionWindows.with_gap(size), Model(None, gap=size, lateness=lateness, firing=firing), MERGING
    ),
}


@pytest.mark.slow
@FEW
@given(RECORDS, st.sampled_from(sorted(KINDS)), SIZES, st.integers(0, 30), st.none() | FIRINGS, st.data())
def test_any_windows_trigger_lateness_and_aggregate(
    records: list[Event], kind: str, sizes: tuple[int, int], lateness: int, firing: Firing | None, data: st.DataObject
) -> None:
    drawn = KINDS[kind](*sizes, lateness, firing or Firing())
    name = data.draw(st.sampled_from(drawn.aggregates))
    aggregate, result = AGGREGATES[name]
    fired = [(key, result(values)) for step in drawn.model.run(steps(records)) for key, _, values in step]

    def run(engine: str, parallelism: int) -> tuple[list[Any], list[Any]]:
        windows = hastily_stamped(engine, parallelism, records).key_by(lambda event: event[0]).window(drawn.assigner)
        windows = windows.allowed_lateness(lateness).side_output_late_data(LATE)
        results = (windows if firing is None else windows.trigger(trigger(firing))).aggregate(aggregate)
        both: list[Any] = results.union(results.side_output(LATE)).collect()
        return [each for each in both if len(each) == 2], [each for each in both if len(each) == 3]

    for engine, parallelism in data.draw(ENGINES):
        results, late = run(engine, parallelism)
        assert sorted(results, key=repr) == sorted(fired, key=repr)
        assert sorted(late, key=repr) == sorted(drawn.model.late, key=repr)


@pytest.mark.slow
@FEW
@given(RECORDS, SIZES, st.sampled_from(sorted(AGGREGATES)), ENGINES)
def test_any_windows_of_numbers_of_records(
    records: list[Event], sizes: tuple[int, int], name: str, engines: list[tuple[str, int]]
) -> None:
    aggregate, result = AGGREGATES[name]
    size, slide = sizes
    values, counted = defaultdict[str, list[int]](list), list[Any]()
    every = list[Any]()
    for key, _, value in records:
        values[key].append(value)
        if len(values[key]) % slide == 0:
            counted.append((key, result(values[key][-size:])))
        if len(values[key]) % size == 0:
            every.append((key, result(values[key])))
    for engine, parallelism in engines:
        keyed = hastily_stamped(engine, parallelism, records).key_by(lambda event: event[0])
        windows = keyed.window(GlobalWindows()).trigger(trigger(Firing("count", size)))
        both = keyed.count_window(size, slide).aggregate(aggregate).union(windows.aggregate(aggregate))
        assert sorted(both.collect(), key=repr) == sorted([*counted, *every], key=repr)


class Feed(SourceFunction[Event]):
    """Each split gives its batches one by one; an empty one is a moment without records."""

    def __init__(self, splits: list[list[list[Event]]]) -> None:
        self.batches = splits

    def splits(self) -> list[int]:
        return list(range(len(self.batches)))

    def open_split(self, split: int, position: int | None = None) -> SplitReader[Event]:
        return FeedReader(self.batches[split])


class FeedReader:
    def __init__(self, batches: list[list[Event]]) -> None:
        self.rest: Iterator[list[Event]] = iter(batches)

    def poll(self, max_records: int, /) -> list[Event] | None:
        return next(self.rest, None)

    def snapshot(self) -> int:
        raise NotImplementedError("these jobs take no checkpoints")

    def close(self) -> None: ...


BATCHES = st.lists(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 40)), max_size=4), max_size=6)


def in_order(batches: list[list[tuple[str, int]]]) -> list[list[Event]]:
    """What follows is never earlier than what came before."""
    time, made = 0, list[list[Event]]()
    for batch in batches:
        made.append([])
        for key, step in batch:
            time += step
            made[-1].append((key, time, 1))
    return made


@pytest.mark.slow
@FEW
@given(st.lists(BATCHES.map(in_order), min_size=1, max_size=5), SIZES, ENGINES)
def test_no_split_makes_the_records_of_another_late(
    splits: list[list[list[Event]]], sizes: tuple[int, int], engines: list[tuple[str, int]]
) -> None:
    """However they are read, and whichever of them has nothing right now, or nothing at all."""
    size, slide = sizes
    events = [event for split in splits for batch in split for event in batch]
    expected = defaultdict[tuple[str, int], int](int)
    for key, time, value in events:
        for start, _ in sliding(size, slide)(time):
            expected[key, start] += value

    def run(engine: str, parallelism: int) -> list[Any]:
        strategy: WatermarkStrategy[Event] = WatermarkStrategy.for_monotonous_timestamps()
        stream = (
            environment(engine, parallelism)
            .from_source(Feed(splits))
            .assign_timestamps_and_watermarks(strategy.with_timestamp_assigner(1))
        )
        windows = stream.key_by(lambda event: event[0]).window(SlidingEventTimeWindows.of(size, slide))
        return sorted(windows.sum(2).collect())

    for engine, parallelism in engines:
        assert run(engine, parallelism) == sorted((key, number) for (key, _), number in expected.items())
