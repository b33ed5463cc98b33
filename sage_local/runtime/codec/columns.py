"""Batches of columns as bytes, where a frame leaves its process: Arrow IPC.

It is right for every type that Arrow has: slices are cut to what they show, dictionaries, nested and view types go as
they are.
"""

from typing import Any


class ColumnsEncoder:
    """Of one channel: the schema is sent once, and again when it changes."""

    def __init__(self) -> None:
        self._schema: Any = None

    def encode(self, batch: Any) -> tuple[bool, Any]:
        """Whether it is a whole stream, which tells the receiver the schema; and the bytes."""
        known = self._schema
        if known is not None and (batch.schema is known or batch.schema.equals(known, check_metadata=True)):
            return False, batch.serialize()
        # A dictionary travels beside its batch, so batches with one are streams of their own.
        self._schema = None if any(map(has_dictionary, batch.schema.types)) else batch.schema
        return True, encode_stream(batch)


class ColumnsDecoder:
    """The other end of a ``ColumnsEncoder``: ``begin``, fill ``place``, then ``stream`` or ``batch``.

    The batch refers to what was filled. It is of Arrow's own memory, whose pages stay mapped from one to the next:
    the first touch of fresh ones would cost more than the copy.
    """

    def __init__(self) -> None:
        self._schema: Any = None
        self._data: Any = None
        self.place = memoryview(b"")

    def begin(self, size: int) -> None:
        """Make room for a batch of up to ``size`` bytes."""
        import pyarrow as pa

        self._data = pa.allocate_buffer(size)
        self.place = memoryview(self._data).cast("B")

    def stream(self) -> Any:
        """The batch in a whole stream."""
        batch = decode_stream(self._taken())
        self._schema = batch.schema
        return batch

    def batch(self) -> Any:
        """A batch of the schema of the latest stream."""
        import pyarrow as pa

        if self._schema is None:
            raise ValueError("expected a batch with its schema before the first one without")
        return pa.ipc.read_record_batch(self._taken(), self._schema)

    def _taken(self) -> Any:
        data, self._data, self.place = self._data, None, memoryview(b"")
        return data


def encode_stream(batch: Any) -> Any:
    """``batch`` with its schema."""
    import pyarrow as pa

    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema) as writer:
        writer.write_batch(batch)
    return sink.getvalue()


def decode_stream(data: Any) -> Any:
    """The batch that ``encode_stream`` wrote; it refers to ``data``."""
    import pyarrow as pa

    with pa.ipc.open_stream(pa.py_buffer(data)) as reader:
        return reader.read_next_batch()


def has_dictionary(kind: Any) -> bool:
    """Whether there is a dictionary in a type, however deep."""
    import pyarrow as pa

    if pa.types.is_dictionary(kind):
        return True
    if isinstance(kind, pa.BaseExtensionType):
        return has_dictionary(kind.storage_type)
    if pa.types.is_run_end_encoded(kind):
        return has_dictionary(kind.value_type)
    return any(has_dictionary(kind.field(index).type) for index in range(kind.num_fields))
