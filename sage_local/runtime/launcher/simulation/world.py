"""Chance, time and memory of a simulated run."""

import random
from collections import Counter, deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from heapq import heappop, heappush
from typing import Any

from sage_local.runtime.launcher.simulation.faults import OFTEN, RAREST, Crash, Fault, Faults

STORY_LINES = 400
"""The end of the story is what one reads."""
AIM_RATE = 0.5
"""Of the fault that is aimed: not certain, so that not always the first chance is taken."""
FARTHEST_JUMP_MS = 86_400_000


@dataclass(order=True, slots=True)
class Timer:
    """Of a ``SimulatedLoop``."""

    at_ms: float
    number: int
    call: Callable[[], object] = field(compare=False)
    is_cancelled: bool = field(default=False, compare=False)

    def cancel(self) -> None:
        """Not called any more."""
        self.is_cancelled = True


class SimulatedLoop:
    """The part of an event loop that a coordinator needs, by the simulated clock. It ends with its process."""

    def __init__(self, world: "World") -> None:
        self._world = world
        self._timers: list[Timer] = []
        self._number = 0
        self.readers: dict[int, Callable[[], object]] = {}

    def add_reader(self, descriptor: int, call: Callable[[], object]) -> None:
        """Whoever writes to ``descriptor`` calls it."""
        self.readers[descriptor] = call

    def remove_reader(self, descriptor: int) -> None:
        """Not called any more."""
        del self.readers[descriptor]

    def time(self) -> float:
        """Seconds."""
        return self._world.now_ns / 1e9

    def call_later(self, delay_s: float, call: Callable[..., object], *arguments: Any) -> Timer:
        """Once, when the time has come."""
        self._number += 1
        timer = Timer(self.time() * 1000 + delay_s * 1000, self._number, lambda: call(*arguments))
        heappush(self._timers, timer)
        return timer

    def run_due(self) -> None:
        """Call what is due."""
        while self._timers and self._timers[0].at_ms <= self.time() * 1000:
            timer = heappop(self._timers)
            if not timer.is_cancelled:
                timer.call()


class World:
    """``state`` says where the job is: faults are counted by it, in ``coverage``.

    There are two clocks: ``clock`` only goes on, ``now_ms`` is the machine's and may be set. ``is_dying``: the process
    at hand has crashed; whatever it does yet, on its way out of handlers, reaches nobody.
    """

    def __init__(self, seed: int, faults: Faults) -> None:
        self.random = random.Random(seed)
        self.now_ns = 1_000_000_000
        self.coverage: Counter[tuple[str, Fault]] = Counter()
        self.story: deque[str] = deque(maxlen=STORY_LINES)
        self.state: Callable[[], str] = lambda: "starting"
        self.is_dying = False
        self._faults = faults
        self._rate = faults.rate * RAREST ** -self.random.random()
        self._injected = 0
        self._aim = faults.aim
        self._set_by_ms = 1_800_000_000_000

    def clock(self) -> int:
        """Nanoseconds. Looking at it takes a little time, so that who waits for it to go on does not wait for ever."""
        self.now_ns += 200
        return self.now_ns

    def now_ms(self) -> int:
        """The machine's clock; see ``core.clock.Clock``."""
        return self._set_by_ms + self.now_ns // 1_000_000

    def set_clock(self) -> None:
        """To any time within a day."""
        by_ms = self.random.randint(-FARTHEST_JUMP_MS, FARTHEST_JUMP_MS)
        self._set_by_ms += by_ms
        self.tell(f"the machine's clock is set by {by_ms / 1000:+.0f} s")

    def pass_time(self, most_ms: float) -> None:
        """Let some time go by."""
        self.now_ns += int(self.random.uniform(0, most_ms) * 1e6)

    def tell(self, line: str) -> None:
        """Add to the story."""
        self.story.append(f"{self.now_ns / 1e6 - 1000:9.2f} ms  {line}")

    def strikes(self, kind: Fault, where: str) -> bool:
        """Whether a fault of ``kind`` happens here and now."""
        if self.is_dying:
            return False
        if self._aim is not None and self._aim[1] is kind:
            if self.state() == self._aim[0] and self.random.random() < AIM_RATE:
                self._aim = None
                self._count(kind, where)
                return True
            return False
        faults = self._faults
        if kind not in faults.kinds or self._injected >= faults.most:
            return False
        if self.random.random() >= (self._rate / 50 if kind in OFTEN else self._rate):
            return False
        self._injected += 1
        self._count(kind, where)
        return True

    def may_crash(self, kind: Fault, where: str) -> None:
        """Raise ``Crash`` if a fault of ``kind`` happens here."""
        if self.strikes(kind, where):
            self.is_dying = True
            raise Crash(kind.value)

    def survives(self, act: Callable[[], object]) -> bool:
        """Let a process do something; whether it is alive afterwards."""
        with suppress(Crash):
            act()
        died, self.is_dying = self.is_dying, False
        return not died

    def _count(self, kind: Fault, where: str) -> None:
        state = self.state()
        self.coverage[state, kind] += 1
        self.tell(f"FAULT: {kind.value} ({where}; the job is {state})")
