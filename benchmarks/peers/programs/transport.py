"""Record batches from one process to another, pinned to two CPUs: what a person writes with a transport library.

Each sends Arrow IPC messages of a schema that both ends know, and looks at every value on arrival.
"""

import atexit
import ctypes
import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
from _batches import look, read_batch, times, write_sums
from _events import main

Ends = tuple[Callable[[pa.RecordBatch, int], None], Callable[[int], Iterator[Any]]]


def pipe(out: Path) -> Ends:
    """``multiprocessing.Pipe``, whose ``send_bytes`` takes a buffer."""
    receiver, sender = multiprocessing.Pipe(duplex=False)

    def send(batch: pa.RecordBatch, count: int) -> None:
        for _ in range(count):
            sender.send_bytes(batch.serialize())

    def receive(count: int) -> Iterator[Any]:
        for _ in range(count):
            yield receiver.recv_bytes()

    return send, receive


def zmq(out: Path) -> Ends:
    """PUSH and PULL over ``ipc``; ``copy=False`` as pyzmq's guide has it for large messages."""
    import zmq

    address = f"ipc://{out}/socket"

    def send(batch: pa.RecordBatch, count: int) -> None:
        with zmq.Context() as context, context.socket(zmq.PUSH) as socket:
            socket.connect(address)
            for _ in range(count):
                socket.send(batch.serialize(), copy=False)

    def receive(count: int) -> Iterator[Any]:
        with zmq.Context() as context, context.socket(zmq.PULL) as socket:
            socket.bind(address)
            for _ in range(count):
                yield socket.recv(copy=False).buffer

    return send, receive


def iceoryx2(out: Path) -> Ends:
    """Loaned slices that messages are copied into, and read where they are; the sender waits for room."""
    import iceoryx2

    iceoryx2.set_log_level(iceoryx2.LogLevel.Error)
    prefix = f"sage-peers-{os.getpid()}-"
    name = iceoryx2.ServiceName.new("batches")
    slot = iceoryx2.Slice[ctypes.c_uint8]
    # The library leaves a segment for the nodes to come. The sender ends without handlers, so once, and last.
    atexit.register(_remove_segments, prefix)

    def service() -> Any:
        config = iceoryx2.config.default()
        config.global_cfg.prefix = iceoryx2.FileName.new(prefix)
        config.global_cfg.root_path = iceoryx2.Path.new(str(out))
        node = iceoryx2.NodeBuilder.new().config(config).create(iceoryx2.ServiceType.Ipc)
        builder = node.service_builder(name).publish_subscribe(slot).enable_safe_overflow(False)
        return node, builder.subscriber_max_buffer_size(16).open_or_create()

    def send(batch: pa.RecordBatch, count: int) -> None:
        _node, channel = service()
        wait = iceoryx2.BackpressureStrategy.RetryUntilDelivered
        publisher = (
            channel.publisher_builder()
            .initial_max_slice_len(len(batch.serialize()))
            .backpressure_strategy(wait)
            .create()
        )
        while channel.dynamic_config.number_of_subscribers == 0:
            time.sleep(0.001)
        for _ in range(count):
            message = memoryview(batch.serialize()).cast("B")
            loan = publisher.loan_slice_uninit(len(message))
            loan.payload().as_memory_view().cast("B")[:] = message
            loan.assume_init().send()
        # What is on the way is lost with its publisher.
        while channel.dynamic_config.number_of_subscribers > 0:
            time.sleep(0.001)

    def receive(count: int) -> Iterator[Any]:
        _node, channel = service()
        subscriber = channel.subscriber_builder().create()
        for _ in range(count):
            while (sample := subscriber.receive()) is None:
                pass
            yield sample.payload().as_memory_view()

    return send, receive


def _remove_segments(prefix: str) -> None:
    for segment in Path("/dev/shm").glob(f"{prefix}*"):
        segment.unlink(missing_ok=True)


def run(transport: Callable[[Path], Ends], source: Path, out: Path, workers: int) -> None:
    batch, count = read_batch(source), times(source)
    send, receive = transport(out)
    sender = multiprocessing.Process(target=_send, args=(send, batch, count))
    signal.signal(signal.SIGCHLD, partial(_end_with, sender))
    sender.start()
    _pin(1)
    sums = [0] * batch.num_columns
    for message in receive(count):
        look(pa.ipc.read_record_batch(pa.py_buffer(message), batch.schema), sums)
    sender.join()
    write_sums(out, count, sums)


def _send(send: Callable[[pa.RecordBatch, int], None], batch: pa.RecordBatch, count: int) -> None:
    _pin(0)
    send(batch, count)


def _end_with(sender: multiprocessing.Process, *_: object) -> None:
    """Nobody waits for batches that will not come."""
    if sender.exitcode:
        sys.exit(f"the sender exited with {sender.exitcode}")


def _pin(place: int) -> None:
    allowed = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, [allowed[place % len(allowed)]])


if __name__ == "__main__":
    main({each.__name__: partial(run, each) for each in (pipe, zmq, iceoryx2)})
