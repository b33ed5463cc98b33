"""Batches of columns, where they leave their process: through a channel as Arrow's own buffers, and as bytes."""

from typing import Any

from sage_local.runtime.native import ColumnReader, ColumnWriter, RingReader, RingWriter


class ColumnsEncoder:
    """The sending end of a channel: buffers are written where the receiver reads them.

    The schema goes with the first batch, and again when it changes.
    """

    def __init__(self, ring: RingWriter) -> None:
        self._writer = ColumnWriter(ring)
        self._schema: Any = None

    def begin(self, batch: Any) -> None:
        """Take ``batch``; only when the one before is written."""
        schema = batch.schema
        if self._schema is None or not schema.equals(self._schema, check_metadata=True):
            self._writer.learn(schema.__arrow_c_schema__(), schema.serialize().to_pybytes())
            self._schema = schema
        # Not __arrow_c_array__: it exports the schema as well, at the price of the rest.
        batch._export_to_c(self._writer.array)

    def write(self, flags: int) -> bool:
        """Go on writing; whether all of it is written. The last record carries ``flags``."""
        return self._writer.write(flags)


class ColumnsDecoder:
    """The receiving end. Batches are read where they were written, or are copies where the sender had no such place."""

    def __init__(self, ring: RingReader) -> None:
        # Imported here, once: jobs of rows do without.
        import pyarrow as pa

        self._reader = ColumnReader(ring)
        self._schema: Any = None
        self._arrow = pa
        self._import = pa.RecordBatch._import_from_c

    def take(self) -> bool:
        """Take in the record at hand; whether a batch is whole."""
        return self._reader.take()

    def batch(self) -> Any:
        """The whole batch. It may be kept for ever: it is not in the sender's way."""
        told = self._reader.schema
        if told is not None:
            self._schema = self._arrow.ipc.read_schema(self._arrow.py_buffer(told))
            self._reader.learn(self._schema.__arrow_c_schema__())
        return self._import(self._reader.array(), self._schema)


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
