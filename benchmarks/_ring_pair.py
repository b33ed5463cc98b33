"""A ring in shared memory, its two ends and whoever watches them: what ``ring_kills.py`` kills is at these ends."""

import time
from collections.abc import Callable

from sage_local.runtime.native import (
    ARENA_HEADER_BYTES,
    CACHE_LINE,
    DOORBELL_BYTES,
    RING_HEADER_BYTES,
    Doorbell,
    RingReader,
    RingWriter,
    Segment,
    WaitSet,
)

PATIENCE_S = 20.0
RING_AT = 4096


class Failed(Exception):
    """``args``: what of the verdict it counts as, and what was seen."""


class Reset(Exception):
    """The ring is another: open it again."""


class Pair:
    """The shared memory of a ring, its two ends and whoever watches them. Forked ends inherit it."""

    ENDS = ("writer", "reader")
    DEATHS = 0  # so many were announced
    RESETS = 1  # the deaths up to which the ring was reset
    WRITTEN = 2  # the number of the record to be written next: one of it may be in the ring already
    SEEN = 3  # the number of the latest record that was found whole
    TOLD = 4, 5  # the deaths that each end knows of
    TOLD_NS = 6, 7  # since when

    def __init__(self, capacity: int, arena: int) -> None:
        size = RING_AT + RING_HEADER_BYTES + capacity + (ARENA_HEADER_BYTES + arena if arena else 0)
        self.segment = Segment.create("ring-kills", size)
        self.capacity = capacity
        self.arena = arena
        self.words = self.segment.view(RING_AT - CACHE_LINE, CACHE_LINE).cast("Q")
        self.words[self.WRITTEN] = 1
        self.bells = [Doorbell(self.segment, place * DOORBELL_BYTES) for place in range(3)]

    def writer(self) -> RingWriter:
        return RingWriter(self.segment, RING_AT, self.capacity, self.arena)

    def reader(self) -> RingReader:
        return RingReader(self.segment, RING_AT, self.capacity, self.arena)

    def tell_watcher(self) -> None:
        self.bells[2].notify()

    def hear(self, end: int) -> None:
        """Of a death, if there was one. Where the ring is reset then: wait for that, and raise ``Reset``."""
        words, deaths = self.words, self.words[self.DEATHS]
        if words[self.TOLD[end]] == deaths:
            return
        words[self.TOLD_NS[end]] = time.monotonic_ns()
        words[self.TOLD[end]] = deaths
        self.tell_watcher()
        if self.arena:
            self.wait_until(end, "reset", lambda: words[self.RESETS] == deaths)
            raise Reset

    def park(self, end: int, rings: WaitSet) -> None:
        """Until there is something to do for this end."""
        self.bells[end].arm()
        if rings.ready() or self.words[self.TOLD[end]] != self.words[self.DEATHS]:
            self.bells[end].disarm()
        elif not self.bells[end].wait(PATIENCE_S):
            raise Failed("hangs", f"the {self.ENDS[end]} slept for {PATIENCE_S} s")
        self.hear(end)

    def wait_until(self, who: int, what: str, holds: Callable[[], bool]) -> None:
        """Until ``holds``, which whoever makes it true rings the bell of ``who`` for."""
        deadline = time.monotonic() + PATIENCE_S
        while not holds():
            self.bells[who].arm()
            if not holds() and not self.bells[who].wait(deadline - time.monotonic()):
                raise Failed("hangs", f"{what}: not within {PATIENCE_S} s")
        self.bells[who].disarm()

    def reset(self) -> None:
        """The watcher, while nobody is at the ring."""
        self.segment.reset_ring(RING_AT, self.capacity)
        self.words[self.RESETS] = self.words[self.DEATHS]
        for bell in self.bells[:2]:
            bell.notify()

    def arena_in_use(self) -> int:
        """Granules that neither the victims' successors nor anybody else could have, of an arena nobody uses."""
        if not self.arena:
            return 0
        self.reset()
        self.writer(), self.reader()
        header = self.segment.view(RING_AT + RING_HEADER_BYTES + self.capacity, ARENA_HEADER_BYTES).cast("Q")
        return (header[128 // 8] ^ header[256 // 8]).bit_count()
