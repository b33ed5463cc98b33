"""Event time of each split that a task reads; the least of them counts."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from sage_local.core.elements import MAX_TIMESTAMP, MIN_TIMESTAMP, Split
from sage_local.runtime.protocol.explanations import MOST_SPLITS, OriginTime, SplitReading
from sage_local.runtime.protocol.watermarks import Change, InputWatermarks
from sage_local.windowing.watermarks import WatermarkGenerator

Generator = WatermarkGenerator[Any] | None


@dataclass(slots=True)
class SplitTime:
    """Of one split: how far its event time has come, and when it becomes idle unless it is heard of before."""

    number: int
    generator: Generator
    watermark: int = MIN_TIMESTAMP
    idle_at_ms: int = MAX_TIMESTAMP


class SplitTimes:
    """Before any split is announced there is one, which stands for whatever the task reads.

    A split that was not begun with may start anew in time, so it holds back the others. All that returns changes
    returns what the stream has to hear of it. ``new_generator`` is called for each split.
    """

    def __init__(self, idleness_ms: int | None, new_generator: Callable[[], Generator]) -> None:
        self._idleness_ms = idleness_ms
        self._new_generator = new_generator
        self._open: dict[int, SplitTime] = {}
        self._times = InputWatermarks(1)
        self.at_hand = self._begin(0)
        self.idle_at_ms: int | None = None
        """When ``find_idle`` is to be called."""

    @property
    def state(self) -> Any:
        """What a snapshot holds; it pickles where generators do."""
        return self._open, self._times, self.at_hand

    @state.setter
    def state(self, state: Any) -> None:
        self._open, self._times, self.at_hand = state

    @property
    def watermark(self) -> int:
        """Of all of them."""
        return self._times.watermark

    @property
    def is_idle(self) -> bool:
        """Whether all of them are."""
        return self._times.is_idle

    def __iter__(self) -> Iterator[SplitTime]:
        """Those being read."""
        return iter(tuple(self._open.values()))

    def turn_to(self, split: Split, now_ms: int) -> Iterable[Change]:
        """``split`` is at hand from now on; or it has ended."""
        if self._times.inputs != split.splits:
            self._open, self._times = {}, InputWatermarks(split.splits)
        if split.has_ended:
            del self._open[split.number]
            return self._times.advance(split.number, MAX_TIMESTAMP)
        if split.number not in self._open:
            self._listen(self._begin(split.number), now_ms)
        self.at_hand = self._open[split.number]
        return ()

    def hear(self, now_ms: int) -> Iterable[Change]:
        """There are records of the split at hand."""
        self._listen(self.at_hand, now_ms)
        return self._times.set_idle(self.at_hand.number, False)

    def advance(self, split: SplitTime, timestamp: int) -> Iterable[Change]:
        """The watermark of ``split`` is at ``timestamp``, if that is further than it was."""
        if timestamp <= split.watermark:
            return ()
        split.watermark = timestamp
        return self._times.advance(split.number, timestamp)

    def set_idle(self, split: SplitTime, idle: bool) -> Iterable[Change]:
        """Somebody says so."""
        return self._times.set_idle(split.number, idle)

    def listen(self, now_ms: int) -> None:
        """From now on silence counts."""
        for split in self._open.values():
            self._listen(split, now_ms)

    def find_idle(self, now_ms: int) -> Iterator[Change]:
        """Those that have been silent for too long are idle."""
        talking = [split for split in self._open.values() if not self._times.of(split.number)[1]]
        self.idle_at_ms = min((split.idle_at_ms for split in talking if split.idle_at_ms > now_ms), default=None)
        for split in talking:
            if split.idle_at_ms <= now_ms:
                yield from self._times.set_idle(split.number, True)

    def told(self, operator: str, subtask: int) -> OriginTime:
        """All of it, for people who ask."""
        times, slowest = self._times, self._times.held_back_by()
        readings = [SplitReading(number + 1, *times.of(number), number == slowest) for number in self._open]
        ended = sum(times.of(number)[0] == MAX_TIMESTAMP for number in range(times.inputs))
        return OriginTime(
            operator,
            subtask,
            times.watermark,
            times.is_idle,
            times.inputs,
            times.inputs - len(readings) - ended,
            tuple(sorted(readings, key=lambda each: (each.is_idle, each.watermark))[:MOST_SPLITS]),
        )

    def _begin(self, number: int) -> SplitTime:
        begun = self._open[number] = SplitTime(number, self._new_generator())
        return begun

    def _listen(self, split: SplitTime, now_ms: int) -> None:
        if self._idleness_ms is not None:
            split.idle_at_ms = now_ms + self._idleness_ms
            self.idle_at_ms = split.idle_at_ms if self.idle_at_ms is None else min(self.idle_at_ms, split.idle_at_ms)
