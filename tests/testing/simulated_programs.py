"""Programs for simulation: small, and each with something that a checkpoint must not forget."""

from collections import Counter
from collections.abc import Callable, Hashable
from dataclasses import dataclass, replace
from functools import cached_property, partial
from itertools import accumulate
from typing import Any

from sage_local import (
    BroadcastProcessFunction,
    BroadcastStateDescriptor,
    DataStream,
    EventTimeSessionWindows,
    KeyedProcessFunction,
    LocalEnvironment,
    OutputTag,
    TumblingEventTimeWindows,
    ValueStateDescriptor,
    WatermarkStrategy,
)
from sage_local.functions import SourceFunction
from sage_local.testing.simulation import Faults, Simulated, judge, planned, run_once


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


class Rules(BroadcastProcessFunction):
    """At the end: how many records there were of each key, and the sum of all rules."""

    def open(self, context):
        self.seen = context.state(ValueStateDescriptor("seen", default=0))

    def process(self, value, ctx):
        self.seen.update(self.seen.value() + 1)
        ctx.timers.register_event_time_timer(10**9)

    def process_broadcast(self, value, ctx):
        ctx.broadcast_state(RULES).put(value, True)

    def on_timer(self, timestamp, ctx):
        yield ctx.key, self.seen.value(), sum(ctx.broadcast_state(RULES).keys())


RULES = BroadcastStateDescriptor("rules")


class Ticks(KeyedProcessFunction):
    """Counts by processing time: whenever the clock says that 4 ms are over, and at the end."""

    def open(self, context):
        self.count = context.state(ValueStateDescriptor("count", default=0))

    def process(self, value, ctx):
        if self.count.value() == 0:
            ctx.timers.register_processing_time_timer(ctx.timers.current_processing_time + 4)
            ctx.timers.register_event_time_timer(10**9)
        self.count.update(self.count.value() + 1)

    def on_timer(self, timestamp, ctx):
        if self.count.value():
            yield ctx.key, self.count.value()
        self.count.clear()


def environment(parallelism: int, **config: Any) -> LocalEnvironment:
    return LocalEnvironment("simulated", {"parallelism": parallelism, "checkpoint.interval": "5ms", **config})


def _timed(env, splits, size, time=lambda row: row[1] * 10):
    times = WatermarkStrategy.for_monotonous_timestamps().with_timestamp_assigner(time)
    return env.from_source(Numbers(splits, size), name="numbers").assign_timestamps_and_watermarks(times)


def windows(**config: Any) -> DataStream:
    keyed = _timed(environment(2, **config), 2, 60).key_by(lambda row: row[1] % 4)
    return keyed.window(TumblingEventTimeWindows.of(100)).count()


def counted_windows() -> list[Any]:
    windows = Counter((n % 4, n * 10 // 100) for n in range(60) for _ in range(2))
    return [(key, count) for (key, _), count in windows.items()]


def sessions() -> DataStream:
    """One per key and ten numbers."""
    rows = _timed(environment(2), 1, 120, time=lambda row: row[1] * 10 + row[1] // 10 * 1000)
    return rows.key_by(lambda row: row[1] % 3).window(EventTimeSessionWindows.with_gap(500)).count()


def counted_sessions() -> list[Any]:
    bursts = Counter((n % 3, n // 10) for n in range(120))
    return [(key, count) for (key, _), count in bursts.items()]


LATE = OutputTag("late")


def late() -> DataStream:
    """Every twelfth record is of the day before: late, since a frame has eight."""
    rows = _timed(environment(2), 1, 120, time=lambda row: -(10**8) if _is_late(row[1]) else row[1] * 10)
    windows = rows.key_by(lambda row: row[1] % 3).window(TumblingEventTimeWindows.of(400))
    counts = windows.side_output_late_data(LATE).count(name="windows")
    return counts.map(lambda row: ("window", row[1])).union(counts.side_output(LATE).map(lambda row: ("late", row[1])))


def _is_late(n):
    return n % 12 == 11


def counted_late() -> list[Any]:
    windows = Counter((n % 3, n * 10 // 400) for n in range(120) if not _is_late(n))
    return [("window", count) for count in windows.values()] + [("late", n) for n in range(120) if _is_late(n)]


def timers() -> DataStream:
    return _timed(environment(2), 1, 120).key_by(lambda row: row[1] % 4).process(Visits())


def visited() -> list[Any]:
    visits = []
    for key in range(4):
        numbers = list(range(key, 120, 4))
        while numbers:
            until = numbers[0] * 10 + 95
            rest = [n for n in numbers if n * 10 > until]
            visits.append((key, until, len(numbers) - len(rest)))
            numbers = rest
    return visits


def ticks() -> DataStream:
    return _timed(environment(2), 2, 80).key_by(lambda row: row[1] % 4).process(Ticks())


def ticked(records: list[Any]) -> list[Any]:
    """Which records are counted together depends on the clock; how many there are does not."""
    counts: Counter[int] = Counter()
    for key, count in records:
        counts[key] += count
    return list(counts.items())


def rules() -> DataStream:
    env = environment(2)
    broadcast = _timed(env, 2, 20).map(lambda row: row[0] * 100 + row[1], name="rules").broadcast()
    data = env.from_source(Numbers(2, 60), name="data")
    return data.key_by(lambda row: row[1] % 5).connect(broadcast).process(Rules(), name="apply")


def sums(**config: Any) -> DataStream:
    pairs = environment(2, **config).from_collection(range(120)).map(lambda n: (n % 5, n))
    return pairs.key_by(lambda row: row[0]).reduce(lambda a, b: (a[0], a[1] + b[1]))


def running_sums() -> list[Any]:
    return [(key, total) for key in range(5) for total in accumulate(range(key, 120, 5))]


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


def columns() -> DataStream:
    import pyarrow

    env = environment(2, **{"execution.runtime-mode": "batch"})
    rows = env.from_arrow(pyarrow.table({"key": [n % 5 for n in range(300)], "value": list(range(300))}), batch_rows=10)
    return rows.key_by("key").aggregate(total=("value", "sum")).map(lambda row: (row["key"], row["total"]))


@dataclass(frozen=True)
class Program:
    """``expected`` is what plain Python makes of the same records. Records of one ``key`` are expected in order.

    ``told``: what of the records does not depend on the schedule.
    """

    name: str
    make: Callable[[], DataStream]
    expected: Callable[[], list[Any]]
    key: Callable[[Any], Hashable] | None = None
    told: Callable[[list[Any]], list[Any]] = list

    @cached_property
    def plan(self):
        return planned(self.make())

    def run(self, seed: int, faults: Faults, stop_after: int | None = None) -> Simulated:
        """Run and judge."""
        found = run_once(self.plan, seed, faults, stop_after=stop_after)
        judge(replace(found, records=self.told(found.records)), self.expected(), seed, self.key)
        return found


PROGRAMS = {
    program.name: program
    for program in (
        Program("windows", windows, counted_windows),
        Program("changed windows", partial(windows, incremental=True), counted_windows),
        Program("windows, few checkpoints", partial(windows, **{"checkpoint.interval": "40ms"}), counted_windows),
        Program("sessions", sessions, counted_sessions),
        Program("late", late, counted_late),
        Program("timers", timers, visited),
        Program("ticks", ticks, lambda: [(key, 40) for key in range(4)], told=ticked),
        Program("rules", rules, lambda: [(key, 24, 2 * 190 + 2000) for key in range(5)]),
        Program("sums", sums, running_sums, lambda row: row[0]),
        Program("changed sums", partial(sums, incremental=True), running_sums, lambda row: row[0]),
        Program("union", union, lambda: [(s, n) for s in (0, 1, 10, 11) for n in range(150)], lambda row: row[0]),
        Program("turns", turns, lambda: list(range(1, 121)), lambda n: n % 5),
        Program("totals", totals, lambda: [(key, sum(range(key, 150, 7))) for key in range(7)]),
        Program("columns", columns, lambda: [(key, sum(range(key, 300, 5))) for key in range(5)]),
    )
}
