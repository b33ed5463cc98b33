"""SIGKILL for the writer and the reader of a ring at random moments, and a look at what the other end sees.

    python benchmarks/ring_kills.py --kills 10000

One process watches, as the coordinator does: at a death it says so in shared memory, wakes the peer whatever its
doorbell says, and gives the victim a successor, which goes on in the same ring. Each record carries its number and a
checksum. Torn is one that is not whole, or not the one that has to come; a hang is a peer not told, or a ring that does
not move, within ``PATIENCE_S``. Times are counted from the signal, just before the kernel's own event, which
is the victim's pidfd becoming readable.
"""

import argparse
import json
import math
import os
import random
import select
import signal
import sys
import time
import zlib
from collections.abc import Callable
from statistics import quantiles
from struct import Struct
from typing import NoReturn

from sage_local.runtime.native import (
    CACHE_LINE,
    DOORBELL_BYTES,
    RING_HEADER_BYTES,
    Doorbell,
    RingReader,
    RingWriter,
    Segment,
    WaitSet,
)
from sage_local.testing import leak_check

PATIENCE_S = 20.0
LONGEST_LIFE_S = 0.003
CAPACITIES = (1 << 10, 1 << 13, 1 << 16)
"""The smallest ring, whose every record meets its end soon; and rings whose records take a while to copy."""
KILLS_PER_RING = 50
RING_AT = 4096
RECORD = Struct("<QI")
"""Number and checksum, ahead of random bytes."""
GENERATION_SHIFT = 40
"""A number is the writer's generation, then a count that goes on over generations."""


class Failed(Exception):
    """``args``: what of the verdict it counts as, and what was seen."""


class Pair:
    """The shared memory of a ring, its two ends and whoever watches them. Forked ends inherit it."""

    ENDS = ("writer", "reader")
    DEATHS = 0  # so many were announced
    WRITTEN = 1  # the number of the record to be written next: one of it may be in the ring already
    SEEN = 2  # the number of the latest record that was found whole
    TOLD = 3, 4  # the deaths that each end knows of
    TOLD_NS = 5, 6  # since when

    def __init__(self, capacity: int) -> None:
        self.segment = Segment.create("ring-kills", RING_AT + RING_HEADER_BYTES + capacity)
        self.capacity = capacity
        self.words = self.segment.view(RING_AT - CACHE_LINE, CACHE_LINE).cast("Q")
        self.words[self.WRITTEN] = 1
        self.bells = [Doorbell(self.segment, place * DOORBELL_BYTES) for place in range(3)]

    def tell_watcher(self) -> None:
        self.bells[2].notify()

    def hear(self, end: int) -> None:
        """Of a death, if there was one."""
        if self.words[self.TOLD[end]] != (deaths := self.words[self.DEATHS]):
            self.words[self.TOLD_NS[end]] = time.monotonic_ns()
            self.words[self.TOLD[end]] = deaths
            self.tell_watcher()

    def park(self, end: int, rings: WaitSet) -> None:
        """Until there is something to do for this end."""
        self.bells[end].arm()
        if rings.ready() or self.words[self.TOLD[end]] != self.words[self.DEATHS]:
            self.bells[end].disarm()
        elif not self.bells[end].wait(PATIENCE_S):
            raise Failed("hangs", f"the {self.ENDS[end]} slept for {PATIENCE_S} s")
        self.hear(end)

    def await_told(self, what: str, holds: Callable[[], bool]) -> None:
        """The watcher: until ``holds``, which whoever makes it true rings for."""
        deadline = time.monotonic() + PATIENCE_S
        while not holds():
            self.bells[2].arm()
            if not holds() and not self.bells[2].wait(deadline - time.monotonic()):
                raise Failed("hangs", f"{what}: not within {PATIENCE_S} s")
        self.bells[2].disarm()


def write_records(pair: Pair, generation: int, chance: random.Random) -> NoReturn:
    """Record after record for ever; ``chance`` says how long each is."""
    writer = RingWriter(pair.segment, RING_AT, pair.capacity)
    space = WaitSet([], [writer])
    pause = chance.choice((0, 0, 30))
    while True:
        number = generation << GENERATION_SHIFT | pair.words[Pair.WRITTEN]
        body = chance.randbytes(chance.randrange(writer.max_record - RECORD.size + 1))
        record = RECORD.pack(number, checksum(number, body)) + body
        spend(pause, body)
        while not writer.try_write(1, 0, record):
            space.watch_space(writer, len(record))
            pair.park(0, space)
        pair.words[Pair.WRITTEN] += 1
        pair.bells[1].notify()
        pair.hear(0)


def read_records(pair: Pair, generation: int, chance: random.Random) -> NoReturn:
    """Each must be whole, and the one that has to come; the first may be what the predecessor held."""
    reader = RingReader(pair.segment, RING_AT, pair.capacity)
    records = WaitSet([reader], [])
    pause = chance.choice((0, 0, 30))
    again = True
    while True:
        while (record := reader.peek()) is None:
            pair.park(1, records)
        number, found = RECORD.unpack_from(record[2])
        spend(pause, record[2])
        if found != checksum(number, record[2][RECORD.size :]):
            raise Failed("torn", f"record {number:#x} is not whole")
        if not (follows(pair.words[Pair.SEEN], number) or (again and number == pair.words[Pair.SEEN])):
            raise Failed("torn", f"record {number:#x} came after {pair.words[Pair.SEEN]:#x}")
        again = False
        del record
        pair.words[Pair.SEEN] = number
        reader.release()
        pair.bells[0].notify()
        pair.tell_watcher()
        pair.hear(1)


def checksum(number: int, body: bytes | memoryview) -> int:
    return zlib.crc32(body, number & 0xFFFFFFFF)


def follows(seen: int, number: int) -> bool:
    """Each death of a writer leaves open whether one record was written."""
    deaths = (number >> GENERATION_SHIFT) - (seen >> GENERATION_SHIFT)
    gap = (number - seen) - (deaths << GENERATION_SHIFT) - 1
    return 0 <= gap <= deaths


def spend(rounds: int, body: bytes | memoryview) -> None:
    """Be slower than the peer, so that it meets a full ring, or an empty one."""
    for _ in range(rounds):
        zlib.crc32(body)


class End:
    """A process at one end, and its descriptor."""

    def __init__(self, pair: Pair, which: int, generation: int, seed: int) -> None:
        self.name = Pair.ENDS[which]
        pair.words[Pair.TOLD[which]] = pair.words[Pair.DEATHS]
        self.pid = os.fork()
        if self.pid == 0:
            self._live(pair, (write_records, read_records)[which], generation, seed)
        self.pidfd = os.pidfd_open(self.pid)

    def _live(self, pair: Pair, work: Callable[..., NoReturn], generation: int, seed: int) -> NoReturn:
        status = 1
        try:
            work(pair, generation, random.Random(seed))
        except Failed as failed:
            print(f"{self.name}: {failed.args[1]}", file=sys.stderr, flush=True)
            status = 3 if failed.args[0] == "torn" else 4
        finally:
            os._exit(status)

    def kill(self) -> int:
        """Returns when, once the kernel has told that it is gone."""
        killed_ns = time.monotonic_ns()
        os.kill(self.pid, signal.SIGKILL)
        if not select.select([self.pidfd], [], [], PATIENCE_S)[0]:
            raise Failed("hangs", f"the {self.name} survived SIGKILL")
        return killed_ns

    def bury(self) -> int:
        """Its exit code, as ``os.waitstatus_to_exitcode`` has it."""
        os.close(self.pidfd)
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


class Watcher:
    """Kills and replaces the ends of one ring, and keeps the times in which peers were told."""

    def __init__(self, chance: random.Random) -> None:
        self.chance = chance
        self.pair = Pair(chance.choice(CAPACITIES))
        self.generation = 1
        self.ends = [self.start(0), self.start(1)]
        self.told_ns: list[int] = []

    def start(self, which: int) -> End:
        return End(self.pair, which, self.generation, self.chance.getrandbits(32))

    def kill_one(self) -> None:
        ended = select.select([end.pidfd for end in self.ends], [], [], self.chance.uniform(0, LONGEST_LIFE_S))[0]
        for end in self.ends:
            if end.pidfd in ended:
                raise Failed("ended", f"the {end.name} ended by itself")
        which = self.chance.randrange(2)
        killed_ns = self.ends[which].kill()
        self.tell_peer(1 - which, killed_ns)
        self.replace(which)
        if self.chance.random() < 0.9:  # the others are killed while they start
            words, before = self.pair.words, self.pair.words[Pair.SEEN]
            self.pair.await_told("another record", lambda: words[Pair.SEEN] != before)

    def tell_peer(self, peer: int, killed_ns: int) -> None:
        words = self.pair.words
        words[Pair.DEATHS] += 1
        self.pair.bells[peer].wake()
        self.pair.await_told("told of a death", lambda: words[Pair.TOLD[peer]] == words[Pair.DEATHS])
        self.told_ns.append(words[Pair.TOLD_NS[peer]] - killed_ns)

    def replace(self, which: int) -> None:
        self.ends[which].bury()
        if which == 0:
            self.generation += 1
            self.pair.words[Pair.WRITTEN] += 1  # whether that record was written is not known
        self.ends[which] = self.start(which)

    def finish(self) -> list[int]:
        """Ends both; the exit codes of those that did so by themselves."""
        for end in self.ends:
            os.kill(end.pid, signal.SIGKILL)
        return [code for end in self.ends if (code := end.bury()) != -signal.SIGKILL]


def kill_round(kills: int, chance: random.Random, verdict: dict[str, int]) -> list[int]:
    """One ring; returns how long each peer took to know, in nanoseconds."""
    watcher = Watcher(chance)
    codes = []
    try:
        for _ in range(kills):
            watcher.kill_one()
    except Failed as failed:
        print(failed.args[1], file=sys.stderr)
        verdict["hangs"] += failed.args[0] == "hangs"
    finally:
        codes = watcher.finish()
    verdict["torn"] += codes.count(3)
    verdict["hangs"] += codes.count(4)
    verdict["ended"] += len(codes) - codes.count(3) - codes.count(4)
    return watcher.told_ns


def kill_all(kills: int, seed: int) -> dict[str, float]:
    """So many kills, in rings of their own by the dozen; stops at the first that shows something."""
    chance = random.Random(seed)
    verdict = {"torn": 0, "hangs": 0, "ended": 0, "leftovers": 0}
    told_ns: list[int] = []
    try:
        with leak_check():
            while len(told_ns) < kills and not any(verdict.values()):
                told_ns += kill_round(min(KILLS_PER_RING, kills - len(told_ns)), chance, verdict)
    except AssertionError as left:
        print(left, file=sys.stderr)
        verdict["leftovers"] += 1
    percentiles = quantiles(told_ns, n=1000, method="inclusive") if len(told_ns) > 1 else [math.nan] * 999
    places = {"told_p50_us": 499, "told_p99_us": 989, "told_p999_us": 998}
    told = {name: percentiles[place] / 1e3 for name, place in places.items()}
    return {"records": len(told_ns), **verdict, **told, "told_max_us": max(told_ns, default=0) / 1e3}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 32), help="of lengths, victims and moments")
    options = parser.parse_args()
    print(f"seed {options.seed}", file=sys.stderr)
    started = time.perf_counter()
    found = kill_all(options.kills, options.seed)
    print(json.dumps({"seconds": time.perf_counter() - started, **found}))
    return 1 if any(found[name] for name in ("torn", "hangs", "ended", "leftovers")) else 0


if __name__ == "__main__":
    sys.exit(main())
