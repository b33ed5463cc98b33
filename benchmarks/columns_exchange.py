"""Record batches to another process, both pinned: ``sage bench run benchmarks/columns_exchange.py``.

Our channels (``RingSender`` and ``RingReceiver``, as workers wait on them) against what the machine allows: two
processes that do nothing but copy as many bytes, and peers, where they are installed (``pip install pyzmq iceoryx2``).
Whoever receives a batch copies it to memory of its own: bytes that nobody reads never leave the sender's cache. CPU
time is of both ends. Needs a C compiler.

Not among the workloads of the package: it reaches into the engine, which no program of a user's does.
"""

import ctypes
import json
import multiprocessing
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from itertools import cycle, islice
from pathlib import Path
from typing import Any

from _column_peers import Iceoryx, PipeAndIpc, Read, Zmq

from sage_local.bench.compete import compete
from sage_local.bench.workload import Figure, Round, Timed, Workload, expect, floor, peer, ratio, sage
from sage_local.core.elements import Columns
from sage_local.runtime.channels.frame import Frame
from sage_local.runtime.channels.ring import RingReceiver, RingSender
from sage_local.runtime.channels.waiting import Peers, Rest
from sage_local.runtime.native import DOORBELL_BYTES, Doorbell, RingReader, RingWriter, Segment

HERE = Path(__file__).parent
NATIVE = HERE.parent / "native"
CAPACITY = 2 << 20
"""Of ring and of arena: what two workers have between them without any setting."""
COMMANDS_AT, DATA_AT = 4096, 8192
DIFFERENT = 4
"""So many batches are sent again and again."""


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


def compile_limits(folder: Path, records: int) -> None:
    sources = [HERE / "native" / "limits.c", NATIVE / "ring.c", NATIVE / "doorbell.c"]
    subprocess.run(["cc", "-O2", "-std=c11", "-o", folder / "limits", *sources], check=True)


def copies(rows: int) -> Callable[[Path, int], Timed]:
    """What the machine allows."""

    def run(folder: Path, records: int) -> Timed:
        command = [folder / "limits", "copy", str(next(batches(rows)).nbytes)]
        report = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
        return Timed(records, report["seconds"], {"batch_us": report["ns_per_record"] / 1e3}, report["records"])

    return run


class Ends:
    """Both ends of a channel, for processes that are forked once this is made."""

    def __init__(self) -> None:
        self.segment = Segment.create("columns-exchange", DATA_AT + 2 * CAPACITY + 4096)
        self.bells = [Doorbell(self.segment, 0), Doorbell(self.segment, DOORBELL_BYTES)]
        self.commands = RingReader(self.segment, COMMANDS_AT, 1024)
        self.peers = Peers()

    def sender(self) -> RingSender:
        writer, touch = RingWriter(self.segment, DATA_AT, CAPACITY, CAPACITY), self.peers.toucher(self.bells[1])
        return RingSender(writer, touch, timeout_ms=100, max_rows=4096, clock=time.monotonic_ns)

    def receiver(self) -> RingReceiver:
        reader, touch = RingReader(self.segment, DATA_AT, CAPACITY, CAPACITY), self.peers.toucher(self.bells[0])
        return RingReceiver(reader, touch, clock=time.monotonic_ns)

    def send(self, stream: Iterator[Any]) -> None:
        """All of these batches, as a worker does."""
        sender = self.sender()
        rest = Rest(self.bells[0], self.commands, [], [sender], may_spin=True)

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
        receiver = self.receiver()
        rest = Rest(self.bells[1], self.commands, [receiver], [], may_spin=True)
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
        sender, receiver = ends.sender(), ends.receiver()

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


def two_processes(between: Callable[[], Any], rows: int) -> Callable[[Path, int], Timed]:
    """One at either end of what is ``between``. Starting them is not counted, nor are the first batches."""

    def run(folder: Path, records: int) -> Timed:
        ends, read, stream, warm = between(), reader(rows), batches(rows), min(records, 100)
        schema = next(stream).schema
        ready, others_ready = multiprocessing.Pipe(duplex=False)
        child = os.fork()
        if child == 0:
            try:
                _pin(1)
                for count in (warm, records):
                    others_ready.send((ends.receive(read, count, schema), time.process_time()))
            finally:
                os._exit(0)
        _pin(0)
        others_ready.close()
        ends.send(islice(stream, warm))
        found, child_cpu_s = ready.recv()
        expect("rows", warm * rows, found)
        started, cpu_s = time.perf_counter(), time.process_time() + child_cpu_s
        ends.send(islice(stream, records))
        found, child_cpu_s = ready.recv()
        timed = _timed(records, started, time.process_time() + child_cpu_s - cpu_s)
        expect("rows", records * rows, found)
        os.waitpid(child, 0)
        return timed

    return run


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
        prepare=compile_limits,
        contestants={
            "copy limit": floor(copies(rows)),
            "rings": sage(two_processes(Ends, rows)),
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

WORKLOADS = (
    _workload(10_000, 5_000, ratio("batch_us", "copy limit", "rings", goal=0.7)),
    _workload(1_000, 20_000, BEYOND_COPIES),
    _workload(1, 20_000, BEYOND_COPIES),
)

if __name__ == "__main__":
    compete(WORKLOADS)
