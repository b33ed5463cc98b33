"""Record batches to another process, both pinned: ``sage bench run benchmarks/columns_exchange.py``.

Our channels (``RingSender`` and ``RingReceiver``, as workers wait on them) against what the machine allows: two
processes that do nothing but copy as many bytes, and peers, where they are installed (``pip install pyzmq iceoryx2``).
Whoever receives a batch copies it to memory of its own: bytes that nobody reads never leave the sender's cache. CPU
time is of both ends. Needs a C compiler.

What the machine allows changes tenfold within seconds: where a hypervisor moves a CPU to, other caches lie between the
two, and whoever spins for a process that something else has stopped gets nowhere. So the copies are made by the very
processes that our ends are in, by turns with them, some milliseconds at a time, and each turn is compared by itself.

Not among the workloads of the package: it reaches into the engine, which no program of a user's does.
"""

import ctypes
import multiprocessing
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import cycle, islice
from pathlib import Path
from statistics import median
from typing import Any

from _column_limit import Copies, compile_limit
from _column_peers import Iceoryx, PipeAndIpc, Read, Zmq

from sage_local.bench.compete import compete
from sage_local.bench.workload import Figure, Round, Timed, Workload, expect, floor, peer, ratio, sage
from sage_local.core.elements import Columns
from sage_local.runtime.channels.frame import Frame
from sage_local.runtime.channels.ring import RingReceiver, RingSender
from sage_local.runtime.channels.waiting import Peers, Rest
from sage_local.runtime.native import DOORBELL_BYTES, Doorbell, RingReader, RingWriter, Segment

CAPACITY = 2 << 20
"""Of ring and of arena: what two workers have between them without any setting."""
COMMANDS_AT, DATA_AT = 4096, 8192
DIFFERENT = 4
"""So many batches are sent again and again."""
TURNS = 50


def batches(rows: int) -> Iterator[Any]:
    """An integer, a name and a float; some 28 bytes a row."""
    import pyarrow as pa

    made = [
        pa.record_batch(
            {
                "id": pa.array(range(first, first + rows), pa.int64()),
                "name": [f"sensor{number % 100:02}" for number in range(rows)],
                "value": pa.array([number * 0.5 for number in range(rows)]),
            }
        )
        for first in range(DIFFERENT)
    ]
    while True:
        # As a program has them: other objects each time.
        yield from (batch.slice(0) for batch in made)


def reader(rows: int) -> Read:
    """What a receiver does: copy, as one piece, since all of a batch lies together however it came; and look at it."""
    size = next(batches(rows)).nbytes
    own = ctypes.create_string_buffer(size)

    def read(batch: Any) -> int:
        ctypes.memmove(own, batch.column(0).buffers()[1].address, size)
        return len(batch)

    return read


def copies(folder: Path, rows: int) -> Copies:
    """In as much memory as our arena has, from as many batches."""
    size = next(batches(rows)).nbytes
    return Copies(folder, rows=rows, size=size, capacity=CAPACITY, sources=DIFFERENT)


class Ends:
    """Both ends of a channel, for processes that are forked once this is made."""

    def __init__(self) -> None:
        self.segment = Segment.create("columns-exchange", DATA_AT + 2 * CAPACITY + 4096)
        self.bells = [Doorbell(self.segment, 0), Doorbell(self.segment, DOORBELL_BYTES)]
        self.commands = RingReader(self.segment, COMMANDS_AT, 1024)
        self.peers = Peers()

    @cached_property
    def sender(self) -> RingSender:
        writer, touch = RingWriter(self.segment, DATA_AT, CAPACITY, CAPACITY), self.peers.toucher(self.bells[1])
        return RingSender(writer, touch, timeout_ms=100, max_rows=4096, clock=time.monotonic_ns)

    @cached_property
    def receiver(self) -> RingReceiver:
        reader, touch = RingReader(self.segment, DATA_AT, CAPACITY, CAPACITY), self.peers.toucher(self.bells[0])
        return RingReceiver(reader, touch, clock=time.monotonic_ns)

    @cached_property
    def _senders_rest(self) -> Rest:
        return Rest(self.bells[0], self.commands, [], [self.sender], may_spin=True)

    @cached_property
    def _receivers_rest(self) -> Rest:
        return Rest(self.bells[1], self.commands, [self.receiver], [], may_spin=True)

    def send(self, stream: Iterator[Any]) -> None:
        """All of these batches, as a worker does."""
        sender, rest = self.sender, self._senders_rest

        def has_room() -> bool:
            sender.flush(time.monotonic_ns())
            return sender.has_room

        for batch in stream:
            sender.send(Frame(Columns(batch)))
            self.peers.notify()
            while not has_room():
                rest.until(has_room, lambda: 1.0, self.peers.notify)

    def receive(self, read: Read, count: int, schema: Any) -> int:
        """Hand so many batches to ``read``, and return the sum of what it returns."""
        receiver, rest = self.receiver, self._receivers_rest
        left, rows = count, 0

        def take() -> bool:
            nonlocal left, rows
            frame = receiver.receive()
            if frame is None:
                return False
            rows += read(frame.element.values)  # type: ignore[union-attr]  # columns are all that is sent
            receiver.release()
            self.peers.notify()
            left -= 1
            return True

        while left:
            if not take():
                rest.until(take, lambda: 1.0, self.peers.notify)
        return rows


def both_ends(rows: int) -> Callable[[Path, int], Timed]:
    """In one process, by turns."""

    def run(folder: Path, records: int) -> Timed:
        ends, read, stream = Ends(), reader(rows), batches(rows)
        sender, receiver = ends.sender, ends.receiver

        def pass_one() -> None:
            sender.send(Frame(Columns(next(stream))))
            frame = receiver.receive()
            read(frame.element.values)  # type: ignore[union-attr]  # as above
            del frame
            receiver.release()
            sender.flush(0)

        return _best(pass_one, records)

    return run


def two_copies(rows: int) -> Callable[[Path, int], Timed]:
    """As many bytes to a batch that is there already, which is read as the others are."""

    def run(folder: Path, records: int) -> Timed:
        import pyarrow as pa

        read, stream = reader(rows), batches(rows)
        first = next(stream)
        between = pa.ipc.read_record_batch(first.serialize(), first.schema)
        size, place = first.nbytes, between.column(0).buffers()[1].address
        source = ctypes.create_string_buffer(DIFFERENT * size)
        sources = cycle(ctypes.addressof(source) + number * size for number in range(DIFFERENT))

        def copy_twice() -> None:
            next(stream)
            ctypes.memmove(place, next(sources), size)
            read(between)

        return _best(copy_twice, records)

    return run


def _best(once: Callable[[], None], records: int) -> Timed:
    """The least CPU time of a hundredth of the records: a busy machine takes caches away, and never adds to them."""
    some = max(records // 100, 1)
    started, least_s = time.perf_counter(), float("inf")
    for _ in range(records // some):
        cpu_s = time.process_time()
        for _ in range(some):
            once()
        least_s = min(least_s, time.process_time() - cpu_s)
    return _timed(records, started, least_s / some * records)


def _timed(records: int, started: float, cpu_s: float) -> Timed:
    seconds = time.perf_counter() - started
    return Timed(
        records, seconds, {"batch_us": seconds / records * 1e6, "batch_cpu_us": cpu_s / records * 1e6}, records
    )


def two_processes(between: Callable[[], Any], rows: int, *, with_limit: bool = False) -> Callable[[Path, int], Timed]:
    """One at either end of what is ``between``, and of the copies ``with_limit``: medians of many short turns.

    A turn is measured where it ends, from when it is under way.
    """

    def run(folder: Path, records: int) -> Timed:
        ways = {"batch": between(), **({"copy": copies(folder, rows)} if with_limit else {})}
        count = max(records // TURNS, 1)
        early = count // 4 + 1
        read, stream, started = reader(rows), batches(rows), time.perf_counter()
        schema = next(stream).schema
        ready, others_ready = multiprocessing.Pipe(duplex=False)
        child = os.fork()
        if child == 0:
            try:
                _pin(1)
                for way in list(ways.values()) * TURNS:
                    others_ready.send(_received(way, read, schema, early, count))
            finally:
                os._exit(0)
        _pin(0)
        others_ready.close()
        turns: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
        for _ in range(TURNS):
            for name, way in ways.items():
                cpu_s = time.process_time()
                way.send(islice(stream, early + count))
                found, seconds, others_cpu_s = ready.recv()
                expect("rows", (early + count) * rows, found)
                cpu_s = time.process_time() - cpu_s + others_cpu_s
                turns[name].append((seconds / count * 1e6, cpu_s / (early + count) * 1e6))
        os.waitpid(child, 0)
        return Timed(records, time.perf_counter() - started, _medians(turns), count * TURNS)

    return run


def _received(way: Any, read: Read, schema: Any, early: int, count: int) -> tuple[int, float, float]:
    """The rows of a turn, seconds without the early batches, and CPU seconds with them."""
    cpu_s = time.process_time()
    rows = way.receive(read, early, schema)
    started = time.perf_counter()
    rows += way.receive(read, count, schema)
    return rows, time.perf_counter() - started, time.process_time() - cpu_s


def _medians(turns: Mapping[str, Sequence[tuple[float, float]]]) -> dict[str, float]:
    """By way; the share of the copies' speed that ours has is that of each turn by itself."""
    found = {}
    for name, measured in turns.items():
        found[f"{name}_us"] = median(us for us, _ in measured)
        found[f"{name}_cpu_us"] = median(us for _, us in measured)
    if "copy" in turns:
        found["copy_limit_share"] = median(
            copy / ours for (copy, _), (ours, _) in zip(turns["copy"], turns["batch"], strict=True)
        )
    return found


def _pin(place: int) -> None:
    allowed = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, [allowed[place % len(allowed)]])


def _beyond_copies_us(the: Round) -> float:
    return the("both ends", "batch_cpu_us") - the("two copies", "batch_cpu_us")


def _workload(rows: int, records: int, figure: Figure) -> Workload:
    return Workload(
        name=f"columns_exchange_{rows}",
        title=f"record batches of {rows:,} rows to another process",
        records=records,
        check=None,
        prepare=lambda folder, records: compile_limit(folder),
        contestants={
            "rings": sage(two_processes(Ends, rows, with_limit=True)),
            "Pipe and IPC": peer(two_processes(PipeAndIpc, rows)),
            "zmq": peer(two_processes(Zmq, rows), "zmq"),
            "iceoryx2": peer(two_processes(Iceoryx, rows), "iceoryx2"),
            "two copies": floor(two_copies(rows)),
            "both ends": sage(both_ends(rows)),
        },
        figures=(
            figure,
            ratio("batch_cpu_us", "two copies", "both ends"),
            *(ratio("batch_us", name, "rings", goal=1) for name in ("Pipe and IPC", "zmq", "iceoryx2")),
        ),
    )


BEYOND_COPIES = Figure("CPU µs of both ends beyond two copies", _beyond_copies_us, 8, at_most=True)

COPY_LIMIT = Figure("speed of rings / copy limit, by turns", lambda the: the("rings", "copy_limit_share"), 0.7)

WORKLOADS = (
    _workload(10_000, 5_000, COPY_LIMIT),
    _workload(1_000, 20_000, BEYOND_COPIES),
    _workload(1, 20_000, BEYOND_COPIES),
)

if __name__ == "__main__":
    compete(WORKLOADS)
