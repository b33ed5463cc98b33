"""Programs for simulation: small, and each with something that a checkpoint must not forget."""

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

from sage_local import (
    DataStream,
    KeyedProcessFunction,
    LocalEnvironment,
    TumblingEventTimeWindows,
    ValueStateDescriptor,
    WatermarkStrategy,
)
from sage_local.functions import SourceFunction
from sage_local.testing.simulation import NO_FAULTS, Faults, Simulated, judge, planned, run_once


class Numbers(SourceFunction):
    """``(split, number)`` from several splits."""

    def __init__(self, splits: int, size: int) -> None:
        self.count, self.size = splits, size

    def splits(self):
        return list(range(self.count))

    def open_split(self, split, position=None):
        return NumbersReader(split, position or 0, self.size)


class NumbersReader:
    def __init__(self, split, position, size):
        self.split, self.position, self.size = split, position, size

    def poll(self, most):
        if self.position >= self.size:
            return None
        polled = [(self.split, n) for n in range(self.position, min(self.position + most, self.size))]
        self.position += len(polled)
        return polled

    def snapshot(self):
        return self.position

    def close(self):
        pass


class Visits(KeyedProcessFunction):
    """Counts the records of 95 ms of event time from the first one on; which those are does not depend on batches."""

    def open(self, context):
        self.times = context.state(ValueStateDescriptor("times", default_factory=list))

    def process(self, value, ctx):
        self.times.update(sorted([*self.times.value(), value[1] * 10]))
        if len(self.times.value()) == 1:
            ctx.timers.register_event_time_timer(value[1] * 10 + 95)

    def on_timer(self, timestamp, ctx):
        times = self.times.value()
        later = [time for time in times if time > timestamp]
        yield (ctx.key, timestamp, len(times) - len(later))
        self.times.update(later)
        if later:
            ctx.timers.register_event_time_timer(later[0] + 95)


def environment(parallelism: int, **config: Any) -> LocalEnvironment:
    return LocalEnvironment("simulated", {"parallelism": parallelism, "checkpoint.interval": "5ms", **config})


def _timed(env, splits, size):
    times = WatermarkStrategy.for_monotonous_timestamps().with_timestamp_assigner(lambda row: row[1] * 10)
    return env.from_source(Numbers(splits, size), name="numbers").assign_timestamps_and_watermarks(times)


def windows(**config: Any) -> DataStream:
    keyed = _timed(environment(2, **config), 2, 60).key_by(lambda row: row[1] % 4)
    return keyed.window(TumblingEventTimeWindows.of(100)).count()


def timers() -> DataStream:
    return _timed(environment(2), 1, 120).key_by(lambda row: row[1] % 4).process(Visits())


def sums(**config: Any) -> DataStream:
    pairs = environment(2, **config).from_collection(range(120)).map(lambda n: (n % 5, n))
    return pairs.key_by(lambda row: row[0]).reduce(lambda a, b: (a[0], a[1] + b[1]))


def union() -> DataStream:
    env = environment(2)
    left = env.from_source(Numbers(2, 150), name="left")
    right = env.from_source(Numbers(2, 150), name="right").map(lambda row: (row[0] + 10, row[1]))
    return left.union(right).key_by(lambda row: row[0]).map(lambda row: row)


def turns() -> DataStream:
    numbers = environment(2).from_collection(range(120)).map(lambda n: n, parallelism=3)
    single = numbers.map(lambda n: n + 1, parallelism=2).map(lambda n: n, parallelism=1)
    return single.key_by(lambda n: n % 5).map(lambda n: n)


def totals() -> DataStream:
    env = environment(2, **{"execution.runtime-mode": "batch"})
    return env.from_collection(range(150)).key_by(lambda n: n % 7).sum()


@dataclass(frozen=True)
class Program:
    """``key``: records of one are expected in order."""

    name: str
    make: Callable[[], DataStream]
    key: Callable[[Any], Hashable] | None = None

    @cached_property
    def plan(self):
        return planned(self.make())

    @cached_property
    def expected(self) -> list[Any]:
        return run_once(self.plan, 0, NO_FAULTS).records

    def run(self, seed: int, faults: Faults, stop_after: int | None = None) -> Simulated:
        """Run and judge."""
        expected = self.expected
        found = run_once(self.plan, seed, faults, stop_after=stop_after)
        judge(found, expected, seed, self.key)
        return found


PROGRAMS = {
    program.name: program
    for program in (
        Program("windows", windows),
        Program("timers", timers),
        Program("sums", sums, lambda row: row[0]),
        Program("changed sums", partial(sums, incremental=True), lambda row: row[0]),
        Program("changed windows", partial(windows, incremental=True)),
        Program("union", union, lambda row: row[0]),
        Program("turns", turns, lambda n: n % 5),
        Program("totals", totals),
    )
}
