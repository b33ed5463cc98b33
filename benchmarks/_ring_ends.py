"""What the two ends of a ring do for ever: write records that can be checked, and check them."""

import random
import zlib
from collections import deque
from struct import Struct
from typing import Any, NoReturn

from _ring_pair import Failed, Pair, Reset

from sage_local.runtime.native import WaitSet

LONGEST_BATCH = 30_000
MOST_KEPT = 20
"""More batches than the arena has room for."""
RECORD = Struct("<QI")
"""Number and checksum, ahead of random bytes."""
GENERATION_SHIFT = 40
"""A number is the writer's generation, then a count that goes on over generations."""


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
