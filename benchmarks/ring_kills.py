"""SIGKILL for the writer and the reader of a ring at random moments, and a look at what the other end sees.

    python benchmarks/ring_kills.py --kills 10000

One process watches, as the coordinator does: at a death it says so in shared memory, wakes the peer whatever its
doorbell says, and gives the victim a successor. In one ring out of two plain records are read in place, and the
successor goes on where the victim stopped. In the others batches are written into an arena and kept on lease; there the
ring is reset, as for the next execution of a job, while what the peer has on lease stays.

Each record carries its number and a checksum. Torn is one that is not whole, also after it was kept for a while, or
not the one that has to come; a hang is a peer not told, or a ring that does not move, within ``PATIENCE_S``. Times are
counted from the signal, just before the kernel's own event, which is the victim's pidfd becoming readable.
"""

import argparse
import importlib
import json
import math
import os
import random
import select
import signal
import sys
import time
import traceback
import zlib
from collections import deque
from collections.abc import Callable
from statistics import quantiles
from struct import Struct
from typing import Any, NoReturn

from sage_local.runtime.control.processes import ZYGOTE_ENVIRONMENT
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
from sage_local.testing import leak_check

os.environ.update(ZYGOTE_ENVIRONMENT)  # what forks has one thread, although it imports pyarrow

PATIENCE_S = 20.0
LONGEST_LIFE_S = 0.003
CAPACITIES = (1 << 10, 1 << 13, 1 << 16)
"""The smallest ring, whose every record meets its end soon; and rings whose records take a while to copy."""
ARENA = 1 << 18
LONGEST_BATCH = 30_000
MOST_KEPT = 20
"""More batches than the arena has room for."""
KILLS_PER_RING = 50
RING_AT = 4096
RECORD = Struct("<QI")
"""Number and checksum, ahead of random bytes."""
GENERATION_SHIFT = 40
"""A number is the writer's generation, then a count that goes on over generations."""


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


class RecordsOut:
    """Plain records, written into the ring."""

    def __init__(self, pair: Pair) -> None:
        self.writer = pair.writer()
        self.longest = self.writer.max_record
        self.record = b""

    def begin(self, record: bytes) -> None:
        self.record = record

    def write(self) -> bool:
        return self.writer.try_write(1, 0, self.record)


class BatchesOut:
    """Batches of one record each, as columns travel."""

    def __init__(self, pair: Pair) -> None:
        import pyarrow as pa

        from sage_local.runtime.codec.columns import ColumnsEncoder

        self.writer = pair.writer()
        self.longest = LONGEST_BATCH
        self._arrow = pa
        self._encoder = ColumnsEncoder(self.writer)

    def begin(self, record: bytes) -> None:
        self._encoder.begin(self._arrow.record_batch([self._arrow.array([record])], ["record"]))

    def write(self) -> bool:
        return self._encoder.write(0)


class RecordsIn:
    """Plain records, read in place; ``done`` with each before the next."""

    def __init__(self, pair: Pair) -> None:
        self.reader = pair.reader()
        self._pair = pair

    def take(self) -> memoryview | None:
        record = self.reader.peek()
        return None if record is None else record[2]

    def done(self) -> None:
        if self.reader.release():
            self._pair.bells[0].notify()


class BatchesIn:
    """Batches, kept for a while and looked at once more when they are given back."""

    def __init__(self, pair: Pair, kept: deque[Any]) -> None:
        from sage_local.runtime.codec.columns import ColumnsDecoder

        self.reader = pair.reader()
        self._pair = pair
        self._decoder = ColumnsDecoder(self.reader)
        self._kept = kept

    def take(self) -> memoryview | None:
        while (record := self.reader.peek()) is not None:
            record[2].release()
            del record
            is_whole = self._decoder.take()
            if self.reader.release():
                self._pair.bells[0].notify()
            if is_whole:
                return self._keep(memoryview(self._decoder.batch()["record"][0].as_buffer()))
        return None

    def _keep(self, record: memoryview) -> memoryview:
        if self._kept and len(self._kept) == self._kept.maxlen:
            check(self._kept.popleft())
        self._kept.append(record)
        return record

    def done(self) -> None:
        """Nothing: a batch is in nobody's way."""


def write_records(pair: Pair, generation: int, chance: random.Random) -> NoReturn:
    """Record after record for ever; ``chance`` says how long each is."""
    pause = chance.choice((0, 0, 30))
    while True:
        try:
            write_until_reset(pair, generation, chance, pause)
        except Reset:
            pair.words[Pair.WRITTEN] += 1  # whether that record was written does not matter


def write_until_reset(pair: Pair, generation: int, chance: random.Random, pause: int) -> NoReturn:
    out = BatchesOut(pair) if pair.arena else RecordsOut(pair)
    space = WaitSet([], [out.writer])
    while True:
        number = generation << GENERATION_SHIFT | pair.words[Pair.WRITTEN]
        body = chance.randbytes(chance.randrange(out.longest - RECORD.size + 1))
        spend(pause, body)
        out.begin(RECORD.pack(number, checksum(number, body)) + body)
        while not out.write():
            pair.bells[1].notify()
            out.writer.await_release(True)
            pair.park(0, space)
        out.writer.await_release(False)
        pair.words[Pair.WRITTEN] += 1
        pair.bells[1].notify()
        pair.hear(0)


def read_records(pair: Pair, generation: int, chance: random.Random) -> NoReturn:
    """Each must be whole, and the one that has to come."""
    pause = chance.choice((0, 0, 30))
    kept: deque[Any] = deque(maxlen=chance.randrange(1, MOST_KEPT))
    while True:
        try:
            read_until_reset(pair, pause, kept)
        except Reset:
            continue


def read_until_reset(pair: Pair, pause: int, kept: deque[Any]) -> NoReturn:
    into = BatchesIn(pair, kept) if pair.arena else RecordsIn(pair)
    records = WaitSet([into.reader], [])
    is_first = True
    while True:
        while (record := into.take()) is None:
            pair.park(1, records)
        spend(pause, record)
        number, seen = check(record), pair.words[Pair.SEEN]
        del record
        # The first may be what the predecessor held; behind a reset anything later.
        if not (follows(seen, number) or (is_first and (number > seen if pair.arena else number == seen))):
            raise Failed("torn", f"record {number:#x} came after {seen:#x}")
        is_first = False
        pair.words[Pair.SEEN] = number
        into.done()
        pair.tell_watcher()
        pair.hear(1)


def check(record: memoryview) -> int:
    """Its number, if it is whole."""
    number, found = RECORD.unpack_from(record)
    if found != checksum(number, record[RECORD.size :]):
        raise Failed("torn", f"record {number:#x} is not whole")
    return int(number)


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
        except Exception:  # the edge of the process: whatever the ring raises is a finding
            traceback.print_exc()
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
        self.pair = Pair(chance.choice(CAPACITIES), chance.choice((0, ARENA)))
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
            self.pair.wait_until(2, "another record", lambda: words[Pair.SEEN] != before)

    def tell_peer(self, peer: int, killed_ns: int) -> None:
        words = self.pair.words
        words[Pair.DEATHS] += 1
        self.pair.bells[peer].wake()
        self.pair.wait_until(2, "told of a death", lambda: words[Pair.TOLD[peer]] == words[Pair.DEATHS])
        self.told_ns.append(words[Pair.TOLD_NS[peer]] - killed_ns)
        if self.pair.arena:
            self.pair.reset()

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
    verdict["leftovers"] += watcher.pair.arena_in_use()
    verdict["torn"] += codes.count(3)
    verdict["hangs"] += codes.count(4)
    verdict["ended"] += len(codes) - codes.count(3) - codes.count(4)
    return watcher.told_ns


def kill_all(kills: int, seed: int) -> dict[str, float]:
    """So many kills, in rings of their own by the dozen; stops at the first that shows something."""
    chance = random.Random(seed)
    verdict = {"torn": 0, "hangs": 0, "ended": 0, "leftovers": 0}
    told_ns: list[int] = []
    # Once, for all that is forked: it loads pandas, where there is one, at the first list.
    importlib.import_module("pyarrow").array([b""])
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
