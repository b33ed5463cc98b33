"""Rows of three fields from one process to another: this engine's exchange against pickle 5 over a Pipe.

Read CPU seconds per record, not throughput: with two cores the wall clock shows the slower end only. Both make the
records in the sender and look at each in the receiver; ``make`` is that alone.
"""

import multiprocessing
import pickle
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from _program import main

FRAME = 4096


def make_records(start: int, stop: int) -> list[dict[str, Any]]:
    return [{"id": x, "name": "sensor", "value": x * 0.5} for x in range(start, stop)]


def look(record: dict[str, Any]) -> None:
    record["id"]


def make(records: int) -> int:
    for start in range(0, records, FRAME):
        for record in make_records(start, min(start + FRAME, records)):
            look(record)
    return records


def pipe(records: int) -> int:
    context = multiprocessing.get_context("fork")
    receiver, sender = context.Pipe(duplex=False)
    producer = context.Process(target=_produce, args=(sender, records))
    producer.start()
    sender.close()
    seen = 0
    while frame := receiver.recv_bytes():
        for record in pickle.loads(frame):
            look(record)
            seen += 1
    producer.join()
    return seen


def _produce(sender: Any, records: int) -> None:
    for start in range(0, records, FRAME):
        sender.send_bytes(pickle.dumps(make_records(start, min(start + FRAME, records)), 5))
    sender.send_bytes(b"")


def sage(records: int) -> int:
    from sage_local import LocalEnvironment
    from sage_local.functions import SourceFunction, SplitReader

    class Records(SourceFunction[dict[str, Any]]):
        def splits(self) -> Sequence["Part"]:
            return [Part(records)]

        def open_split(self, split: "Part", position: Any = None) -> "Reader":
            return Reader(split.size)

    class Reader(SplitReader[dict[str, Any]]):
        def __init__(self, size: int) -> None:
            self.size = size
            self.at = 0

        def poll(self, max_records: int, /) -> list[dict[str, Any]] | None:
            if self.at >= self.size:
                return None
            start, self.at = self.at, min(self.at + max_records, self.size)
            return make_records(start, self.at)

        def snapshot(self) -> int:
            return self.at

        def close(self) -> None:
            pass

    # A parallelism of its own gives the sink a worker of its own.
    env = LocalEnvironment("exchange", config={"parallelism": 2})
    env.from_source(Records()).sink(look, parallelism=1)
    result = env.submit()
    assert result.operators[-1].records_in == records
    return records


@dataclass(frozen=True)
class Part:
    size: int


if __name__ == "__main__":
    main({"pipe": pipe, "sage": sage, "make": make}, few=1000, many=2_000_000)
