"""Chance, time and memory of a simulated run."""

import random
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from heapq import heappop, heappush
from typing import Any

from sage_local.runtime.launcher.simulation.faults import OFTEN, Crash, Fault, Faults

STORY_LINES = 400
"""The end of the story is what one reads."""


@dataclass(order=True, slots=True)
class _Timer:
    at_ms: float
    number: int
    call: Callable[[], object] = field(compare=False)
    is_cancelled: bool = field(default=False, compare=False)

    def cancel(self) -> None:
        self.is_cancelled = True


class SimulatedLoop:
    """The part of an event loop that a coordinator needs, by the simulated clock."""

    def __init__(self, world: "World") -> None:
        self._world = world
        self._timers: list[_Timer] = []
        self._number = 0

    def time(self) -> float:
        """Seconds."""
        return self._world.now_ns / 1e9

    def call_later(self, delay_s: float, call: Callable[..., object], *arguments: Any) -> _Timer:
        """Once, when the time has come."""
        self._number += 1
        timer = _Timer(self.time() * 1000 + delay_s * 1000, self._number, lambda: call(*arguments))
        heappush(self._timers, timer)
        return timer

    def run_due(self) -> bool:
        """Call what is due; whether there was anything."""
        called = False
        while self._timers and self._timers[0].at_ms <= self.time() * 1000:
            timer = heappop(self._timers)
            if not timer.is_cancelled:
                timer.call()
                called = True
        return called

    def forget(self) -> None:
        """The process whose loop this was is gone."""
        self._timers.clear()


class World:
    """``state`` says where the checkpoint coordinator is: faults are counted by it, in ``coverage``."""

    def __init__(self, seed: int, faults: Faults) -> None:
        self.random = random.Random(seed)
        self.now_ns = 1_000_000_000
        self.faults = faults
        self.injected = 0
        self.coverage: Counter[tuple[str, Fault]] = Counter()
        self.story: deque[str] = deque(maxlen=STORY_LINES)
        self.state: Callable[[], str] = lambda: "starting"

    def clock(self) -> int:
        """Nanoseconds. Looking at it takes a little time, so that who waits for it to go on does not wait for ever."""
        self.now_ns += 200
        return self.now_ns

    def pass_time(self, most_ms: float) -> None:
        """Let some time go by."""
        self.now_ns += int(self.random.uniform(0, most_ms) * 1e6)

    def tell(self, line: str) -> None:
        """Add to the story."""
        self.story.append(f"{self.now_ns / 1e6 - 1000:9.2f} ms  {line}")

    def strikes(self, kind: Fault, where: str) -> bool:
        """Whether a fault of ``kind`` happens here and now."""
        faults = self.faults
        rate = faults.rate / 50 if kind in OFTEN and faults.aim is None else faults.rate
        if kind not in faults.kinds or self.injected >= faults.most or self.random.random() >= rate:
            return False
        if self.injected == 0 and faults.aim is not None and self.state() != faults.aim:
            return False
        self.injected += 1
        self.coverage[self.state(), kind] += 1
        self.tell(f"FAULT: {kind.value} ({where}; checkpoints: {self.state()})")
        return True

    def may_crash(self, kind: Fault, where: str) -> None:
        """Raise ``Crash`` if a fault of ``kind`` happens here."""
        if self.strikes(kind, where):
            raise Crash(kind.value)
