"""A small message to another process and back, from Python, both pinned and spinning: our rings against a Pipe.

Not among the workloads of the package: it reaches into the engine, which no program of a user's does.
"""

import multiprocessing
import os
from multiprocessing.connection import Connection
from pathlib import Path

from sage_local.bench.compete import compete
from sage_local.bench.workload import Workload, expect, floor, ratio, sage
from sage_local.runtime.memory import segment as memory
from sage_local.runtime.native import RING_HEADER_BYTES, RingReader, RingWriter, Segment

CAPACITY = 64 * 1024
MESSAGE = b"x" * 8


def rings(folder: Path, rounds: int) -> int:
    segment = Segment.create("round-trip", 2 * (RING_HEADER_BYTES + CAPACITY))
    child = os.fork()
    if child == 0:
        _pin(1)
        _answer_in_rings(memory.attach(segment.fd), rounds)
        os._exit(0)
    _pin(0)
    writer, reader = RingWriter(segment, 0, CAPACITY), RingReader(segment, RING_HEADER_BYTES + CAPACITY, CAPACITY)
    write, peek, release = writer.try_write, reader.peek, reader.release
    for _ in range(rounds):
        write(1, 0, MESSAGE)
        while peek() is None:
            pass
        release()
    os.waitpid(child, 0)
    return rounds


def _answer_in_rings(segment: Segment, rounds: int) -> None:
    writer, reader = RingWriter(segment, RING_HEADER_BYTES + CAPACITY, CAPACITY), RingReader(segment, 0, CAPACITY)
    write, peek, release = writer.try_write, reader.peek, reader.release
    for _ in range(rounds):
        while peek() is None:
            pass
        release()
        write(1, 0, MESSAGE)


def pipe(folder: Path, rounds: int) -> int:
    here, there = multiprocessing.Pipe()
    child = os.fork()
    if child == 0:
        _pin(1)
        _answer_in_pipe(there, rounds)
        os._exit(0)
    _pin(0)
    for _ in range(rounds):
        here.send_bytes(MESSAGE)
        here.recv_bytes()
    os.waitpid(child, 0)
    return rounds


def _answer_in_pipe(connection: Connection, rounds: int) -> None:
    for _ in range(rounds):
        connection.send_bytes(connection.recv_bytes())


def _pin(place: int) -> None:
    allowed = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, [allowed[place % len(allowed)]])


def check(folder: Path, rounds: int, made: int) -> None:
    expect("rounds", rounds, made)


WORKLOADS = (
    Workload(
        name="round_trip",
        title="Python round trip against a Pipe",
        records=50_000,
        few=100,
        check=check,
        contestants={"pipe": floor(pipe), "rings": sage(rings)},
        figures=(ratio("seconds", "pipe", "rings", goal=20),),
    ),
)

if __name__ == "__main__":
    compete(WORKLOADS)
