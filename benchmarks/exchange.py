"""Rows of three fields from one process to another: this engine's exchange against pickle 5 over a Pipe.

Read CPU seconds per record, not throughput: with two cores the wall clock shows the slower end only.
"""

import multiprocessing
import pickle
from typing import Any

from _program import main

RECORDS = 2_000_000
FRAME = 4096


def record(x: int) -> dict[str, Any]:
    return {"id": x, "name": "sensor", "value": 0.5}


def pipe() -> int:
    context = multiprocessing.get_context("fork")
    receiver, sender = context.Pipe(duplex=False)
    producer = context.Process(target=_produce, args=(sender,))
    producer.start()
    sender.close()
    records = 0
    while frame := receiver.recv_bytes():
        for _ in pickle.loads(frame):
            records += 1
    producer.join()
    return records


def _produce(sender: Any) -> None:
    for start in range(0, RECORDS, FRAME):
        sender.send_bytes(pickle.dumps([record(x) for x in range(start, min(start + FRAME, RECORDS))], 5))
    sender.send_bytes(b"")


def sage() -> int:
    from sage_local import LocalEnvironment

    env = LocalEnvironment("exchange", config={"parallelism": 1})
    env.from_collection(range(RECORDS)).map(record).filter(lambda r: True, slot_group="receiver").sink(
        lambda r: None, slot_group="receiver"
    )
    env.submit()
    return RECORDS


def make() -> int:
    """The part that both contestants do besides exchanging: making the records and looking at each once."""
    for x in range(RECORDS):
        record(x)
    return RECORDS


if __name__ == "__main__":
    main({"pipe": pipe, "sage": sage, "make": make})
