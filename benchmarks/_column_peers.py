"""What else takes record batches from one process to another, with the interface of ``columns_exchange.Ends``.

Each is made before the fork and opened behind it, sends in Arrow's IPC format, holds about as many batches of 10,000
rows as our arena does (but for the pipe, which holds none), and lets the receiver read in place where it can.
"""

import atexit
import ctypes
import os
import tempfile
from collections.abc import Callable, Iterator
from multiprocessing import Pipe
from pathlib import Path
from typing import Any

HELD = 7
"""Batches between the two."""
Read = Callable[[Any], int]


class PipeAndIpc:
    """A ``multiprocessing.Pipe``, as the standard library has it."""

    def __init__(self) -> None:
        self._receiving, self._sending = Pipe(duplex=False)

    def send(self, stream: Iterator[Any]) -> None:
        """All of these batches."""
        for batch in stream:
            self._sending.send_bytes(batch.serialize())

    def receive(self, read: Read, count: int, schema: Any) -> int:
        """Hand so many batches to ``read``, and return the sum of what it returns."""
        import pyarrow as pa

        messages = (pa.py_buffer(self._receiving.recv_bytes()) for _ in range(count))
        return sum(read(pa.ipc.read_record_batch(message, schema)) for message in messages)


class Zmq:
    """A ``PUSH`` and a ``PULL`` socket over ``ipc://``, neither of which copies in Python."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory()
        self._address = f"ipc://{self._folder.name}/zmq"
        self._socket: Any = None

    def send(self, stream: Iterator[Any]) -> None:
        """All of these batches."""
        import zmq

        if self._socket is None:
            self._socket = zmq.Context.instance().socket(zmq.PUSH)
            self._socket.set_hwm(HELD)
            self._socket.bind(self._address)
        for batch in stream:
            self._socket.send(batch.serialize(), copy=False)

    def receive(self, read: Read, count: int, schema: Any) -> int:
        """Hand so many batches to ``read``, and return the sum of what it returns."""
        import pyarrow as pa
        import zmq

        if self._socket is None:
            self._socket = zmq.Context.instance().socket(zmq.PULL)
            self._socket.set_hwm(HELD)
            self._socket.connect(self._address)
        messages = (pa.py_buffer(self._socket.recv(copy=False).buffer) for _ in range(count))
        return sum(read(pa.ipc.read_record_batch(message, schema)) for message in messages)


class Iceoryx:
    """A publisher and a subscriber of iceoryx2; batches are written to what it lends, and the receiver spins."""

    def __init__(self) -> None:
        self._prefix = f"sage-{os.getpid()}-"
        self._folder = tempfile.TemporaryDirectory()
        self._port: Any = None
        # The library leaves a segment for the nodes to come; the receiver ends without handlers, so once.
        atexit.register(self._remove)

    def _remove(self) -> None:
        for segment in Path("/dev/shm").glob(f"{self._prefix}*"):
            segment.unlink(missing_ok=True)

    def _service(self) -> Any:
        import iceoryx2 as iox2

        iox2.set_log_level(iox2.LogLevel.Error)
        config = iox2.config.default()
        config.global_cfg.prefix = iox2.FileName.new(self._prefix)
        config.global_cfg.root_path = iox2.Path.new(self._folder.name)
        node = iox2.NodeBuilder.new().config(config).create(iox2.ServiceType.Ipc)
        service = node.service_builder(iox2.ServiceName.new("columns")).publish_subscribe(iox2.Slice[ctypes.c_uint8])
        return service.subscriber_max_buffer_size(HELD).enable_safe_overflow(False).open_or_create()

    def send(self, stream: Iterator[Any]) -> None:
        """All of these batches."""
        import iceoryx2 as iox2
        import pyarrow as pa

        for batch in stream:
            size = _stream_bytes(batch)
            if self._port is None:
                self._of = self._service()
                publisher = self._of.publisher_builder().initial_max_slice_len(size)
                waits = iox2.BackpressureStrategy.RetryUntilDelivered
                self._port = publisher.backpressure_strategy(waits).create()
                while not self._of.dynamic_config.number_of_subscribers:
                    self._port.update_connections()
            sample = self._port.loan_slice_uninit(size)
            place = (ctypes.c_uint8 * size).from_address(sample.payload().data_ptr)
            _write(pa.FixedSizeBufferWriter(pa.py_buffer(place)), batch)
            sample.assume_init().send()

    def receive(self, read: Read, count: int, schema: Any) -> int:
        """Hand so many batches to ``read``, and return the sum of what it returns."""
        import pyarrow as pa

        if self._port is None:
            self._of = self._service()
            self._port = self._of.subscriber_builder().create()
        rows = 0
        for _ in range(count):
            while (sample := self._port.receive()) is None:
                pass
            payload = sample.payload()
            message = pa.foreign_buffer(payload.data_ptr, payload.number_of_elements, sample)
            rows += read(pa.ipc.open_stream(message).read_next_batch())
        return rows


def _stream_bytes(batch: Any) -> int:
    import pyarrow as pa

    measuring = pa.MockOutputStream()
    _write(measuring, batch)
    return int(measuring.size())


def _write(sink: Any, batch: Any) -> None:
    import pyarrow as pa

    with pa.ipc.new_stream(sink, batch.schema) as stream:
        stream.write_batch(batch)
