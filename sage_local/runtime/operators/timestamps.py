"""``assign_timestamps_and_watermarks``: event time comes into a stream here."""

import pickle
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from sage_local.core.clock import Clock, SystemClock
from sage_local.core.elements import MAX_TIMESTAMP, MIN_TIMESTAMP, Element, Idleness, Rows, Side, Split, Watermark
from sage_local.functions.aggregates import value_getter
from sage_local.plan import operators as specs
from sage_local.runtime.codec.selectors import selecting
from sage_local.runtime.codec.times import are_event_times, span
from sage_local.runtime.metrics.table import OperatorCounters
from sage_local.runtime.operators.failures import Diversion
from sage_local.runtime.operators.protocol import TaskContext
from sage_local.runtime.operators.split_times import SplitTime, SplitTimes
from sage_local.runtime.operators.user_function import UserFunction, close_all
from sage_local.runtime.protocol.blame import NO_RECORD, OperatorFailed, blame, record_at
from sage_local.runtime.protocol.explanations import OriginTime
from sage_local.runtime.state.chunk import PROTOCOL
from sage_local.runtime.state.snapshot import StateSnapshot
from sage_local.windowing.timestamps import event_time_ms
from sage_local.windowing.watermarks import TimestampAssigner, WatermarkGenerator, WatermarkStrategy

PERIOD_MS = 200
"""How often a generator is asked while no records come: Flink's auto-watermark interval."""


class AssignTimestamps:
    """Watermarks that come in from before are dropped: from here on this strategy tells the time.

    Each split that the task's source reads has its own time; see ``SplitTimes``.
    """

    def __init__(self, spec: specs.AssignTimestamps, counters: OperatorCounters) -> None:
        self.name = spec.name
        self.place = counters.place
        self._counters = counters
        self._clock: Clock = SystemClock()
        strategy: WatermarkStrategy[Any] = spec.strategy
        self._strategy = strategy
        self._on_error = spec.on_error
        self._diversion: Diversion | None = None
        assigner = strategy.assigner
        self._function = UserFunction(spec.name, assigner)
        self._custom = assigner if isinstance(assigner, TimestampAssigner) else None
        selector = None if isinstance(assigner, TimestampAssigner) else value_getter(assigner)
        self._extract_all = None if selector is None else selecting(selector)
        self._heard = _Heard()
        self._times = SplitTimes(strategy.idleness_ms, self._new_generator)
        self._repeats = False
        self._asked_ms = 0

    def _new_generator(self) -> WatermarkGenerator[Any] | None:
        make = self._strategy.generator
        if make is None:
            return None
        try:
            generator = make()
        except BaseException as error:
            blame(self.name, NO_RECORD, error)
        if not isinstance(generator, WatermarkGenerator):
            found = TypeError(
                f"for_generator expects a function that returns a WatermarkGenerator, found {generator!r}"
            )
            raise OperatorFailed(self.name, NO_RECORD, found)
        return generator

    def snapshot(self) -> StateSnapshot:
        """See ``Stateful``: how far time has come in each split, and the user's generators."""
        return StateSnapshot(subtasks=[pickle.dumps(self._times.state, PROTOCOL)])

    def restore(self, snapshot: StateSnapshot) -> None:
        """See ``Stateful``."""
        for written in snapshot.subtasks:
            self._times.state = pickle.loads(written)
            # Operators in the same task hear it again from here; those in others know it from their own snapshots.
            self._repeats = self._times.watermark > MIN_TIMESTAMP

    def open(self, context: TaskContext) -> None:
        """Open the assigner, if it is a function class."""
        self._clock = context.clock
        if self._on_error != "fail":
            self._diversion = Diversion(self._on_error, self._counters, context.clock, context.task.subtask)
        self._asked_ms = self._clock.now_ms()
        self._times.listen(self._asked_ms)
        self._function.open(context)

    def close(self) -> None:
        """Close it."""
        close_all([self._function])

    def process(self, rows: Rows) -> Iterable[Element]:
        """The records with their timestamps; behind them the watermark, if it has moved."""
        if not rows.values:
            return
        yield from self._taken(len(rows.values))
        if self._diversion is None:
            rows.timestamps = self._timestamps(rows)
        else:
            rows, sides = self._with_times(rows, self._diversion)
            yield from sides
        if rows.values:
            assert rows.timestamps is not None
            self._counters.gave(len(rows.values))
            yield from self._followed(rows, rows.timestamps)

    def _with_times(self, rows: Rows, diversion: Diversion) -> tuple[Rows, list[Side]]:
        """The records that have a time, one by one, and what is emitted in place of the others."""
        kept: list[int] = []
        times: list[int] = []
        sides: list[Side] = []
        for place, value in enumerate(rows.values):
            before = None if rows.timestamps is None else rows.timestamps[place]
            try:
                times += self._timestamps(Rows([value], None, None if before is None else [before]))
                kept.append(place)
            except OperatorFailed as failed:
                side = diversion.divert(failed, before)
                sides += [] if side is None else [side]
        keys = None if rows.keys is None else [rows.keys[place] for place in kept]
        return Rows([rows.values[place] for place in kept], keys, times), sides

    def _followed(self, rows: Rows, timestamps: list[int]) -> Iterable[Element]:
        if self._times.at_hand.generator is not None:
            yield from self._generated(rows, timestamps)
            return
        yield rows
        yield from self._follow(span(timestamps)[1])

    def _taken(self, records: int) -> Iterable[Element]:
        """What is said before a batch."""
        if self._repeats:
            self._repeats = False
            yield Watermark(self._times.watermark)
        self._counters.took(records)
        if self._strategy.idleness_ms is not None:
            yield from self._times.hear(self._clock.now_ms())

    def _follow(self, latest: int) -> Iterable[Element]:
        """The watermark behind a batch with this latest time, if it has moved."""
        assert self._strategy.delay_ms is not None
        return self._times.advance(self._times.at_hand, latest - self._strategy.delay_ms - 1)

    def _timestamps(self, rows: Rows) -> list[int]:
        if self._custom is None and self._extract_all is None:
            if rows.timestamps is None:
                error = ValueError("records have no timestamps: give the strategy one by with_timestamp_assigner()")
                raise OperatorFailed(self.name, rows.values[0], error)
            return rows.timestamps
        records = iter(rows.values)
        try:
            found = self._extract(rows, records)
        except BaseException as error:
            blame(self.name, record_at(rows.values, records), error)
        return found if are_event_times(found) else self._converted(rows.values, found)

    def _extract(self, rows: Rows, records: Iterator[Any]) -> list[Any]:
        if self._custom is None:
            assert self._extract_all is not None
            return self._extract_all(records)
        extract = self._custom.extract_timestamp
        before: Sequence[int | None] = rows.timestamps or [None] * len(rows.values)
        return [extract(record, stamp) for record, stamp in zip(records, before, strict=True)]

    def _converted(self, values: list[Any], found: list[Any]) -> list[int]:
        timestamps = []
        for value, timestamp in zip(values, found, strict=True):
            try:
                timestamps.append(event_time_ms(timestamp))
            except (TypeError, ValueError) as error:
                raise OperatorFailed(self.name, value, error) from error
        return timestamps

    def _generated(self, rows: Rows, timestamps: list[int]) -> Iterable[Element]:
        """A watermark that the generator emits for a record comes directly behind that record."""
        split, heard = self._times.at_hand, self._heard
        generator = split.generator
        assert generator is not None
        sent = 0
        records = iter(rows.values)
        try:
            for index, (record, timestamp) in enumerate(zip(records, timestamps, strict=True)):
                generator.on_event(record, timestamp, heard)
                if heard.is_new:
                    yield _part(rows, sent, index + 1)
                    sent = index + 1
                    yield from self._take_heard(split)
        except BaseException as error:
            blame(self.name, record_at(rows.values, records), error)
        if sent < len(rows.values):
            yield _part(rows, sent, len(rows.values))
        yield from self._periodic(split)

    def _periodic(self, split: SplitTime) -> Iterable[Element]:
        assert split.generator is not None
        try:
            split.generator.on_periodic_emit(self._heard)
        except BaseException as error:
            blame(self.name, NO_RECORD, error)
        yield from self._take_heard(split)

    def _take_heard(self, split: SplitTime) -> Iterable[Element]:
        heard = self._heard
        heard.is_new = False
        if heard.watermark is not None:
            yield from self._times.advance(split, heard.watermark)
        if heard.idle is not None:
            yield from self._times.set_idle(split, heard.idle)
        heard.watermark = heard.idle = None

    def split(self, split: Split) -> Iterable[Element]:
        """See ``WatermarkOrigin``."""
        return self._times.turn_to(split, self._clock.now_ms())

    def watermark(self, watermark: Watermark) -> Iterable[Element]:
        """Only the end of time is passed on."""
        if watermark.timestamp == MAX_TIMESTAMP:
            if self._times.is_idle:
                yield Idleness(False)
            yield watermark

    def idleness(self, idleness: Idleness) -> Iterable[Element]:
        """Whether records come is seen here."""
        return ()

    def origin_time(self, subtask: int) -> OriginTime:
        """How far time has come, for people who ask."""
        return self._times.told(self.name, subtask)

    def next_time_ms(self) -> int | None:
        """When a split may be idle, or generators want to be asked."""
        asks_ms = None if self._strategy.generator is None else self._asked_ms + PERIOD_MS
        return min((time for time in (self._times.idle_at_ms, asks_ms) if time is not None), default=None)

    def advance_time(self, now_ms: int) -> Iterable[Element]:
        """See ``next_time_ms``."""
        idle_at_ms = self._times.idle_at_ms
        if idle_at_ms is not None and now_ms >= idle_at_ms:
            yield from self._times.find_idle(now_ms)
        if self._strategy.generator is not None:
            self._asked_ms = now_ms
            for split in self._times:
                yield from self._periodic(split)

    def end(self) -> Iterable[Element]:
        """Nothing is kept."""
        return ()


class _Heard:
    """The ``WatermarkOutput``: what a generator has said since it was last listened to."""

    def __init__(self) -> None:
        self.is_new = False
        self.watermark: int | None = None
        self.idle: bool | None = None

    def emit_watermark(self, timestamp: int, /) -> None:
        """See ``WatermarkOutput``."""
        timestamp = event_time_ms(timestamp)
        self.watermark = timestamp if self.watermark is None else max(timestamp, self.watermark)
        self.idle = False
        self.is_new = True

    def mark_idle(self) -> None:
        """See ``WatermarkOutput``."""
        self.idle = True
        self.is_new = True


def _part(rows: Rows, start: int, stop: int) -> Rows:
    if start == 0 and stop == len(rows.values):
        return rows
    keys = None if rows.keys is None else rows.keys[start:stop]
    stamps = None if rows.timestamps is None else rows.timestamps[start:stop]
    return Rows(rows.values[start:stop], keys, stamps)
