"""Inputs for the fuzzers to begin with: what the engine itself writes."""

import ctypes
import pickle
from collections.abc import Iterator
from typing import Any


def ring() -> Iterator[bytes]:
    """Records laid over the ring's first bytes: a whole one, and a skip to the end."""
    for capacity in range(4):
        yield bytes([capacity, 1]) + bytes(16) + b"\x80\x01\x10" + (24).to_bytes(8, "little") * 2 + b"\x40" * 8
        yield bytes([capacity, 1]) + bytes(16) + b"\x80\x01\x0c" + (960).to_bytes(8, "little") + b"\xff" * 4


def rows() -> Iterator[bytes]:
    """A block of each type of column."""
    from sage_local.runtime.native import Accumulator, pack_rows

    for values in (
        [1, 2, -400, 1 << 40],
        [1.5, 0.0, float("nan")],
        ["ascii", "", "é", "z" * 300],
        ["a", "b"],
        [b"", b"bytes"],
        [True, None, False],
        [None, None],
        [{"a": 1.5, "b": (None, b"x")}, {"a": 2.5, "b": (3, b"")}],
        [((), (1,)), ((), (2,))],
        [Accumulator([1, 2.5, None]), Accumulator([2, 0.5, "x"])],
        [object, 1],
    ):
        yield pack_rows((values, values, None), pickle.dumps)


def columns() -> Iterator[bytes]:
    """A batch of each layout of Arrow, behind its schema."""
    import pyarrow as pa

    texts = pa.array(["a", None, "a longer text than a view holds inline", ""])
    numbers = pa.array([1, 2, None, 4])
    codes = pa.array([0, 1, 0, 1], pa.int8())
    for column in (
        numbers,
        pa.array([None] * 4),
        pa.array([True, None, False, True]),
        pa.array([0.5, 1.5, None, 2.5]),
        texts,
        texts.cast(pa.large_string()),
        texts.cast(pa.string_view()),
        texts.dictionary_encode(),
        pa.array([[1], [], None, [2, 3]]),
        pa.array([[1], [], None, [2, 3]], pa.list_view(pa.int64())),
        pa.array([[1, 2]] * 4, pa.list_(pa.int64(), 2)),
        pa.array([[("k", 1)], [], None, [("l", 2)]], pa.map_(pa.string(), pa.int32())),
        pa.StructArray.from_arrays([numbers, texts], ["number", "text"]),
        pa.UnionArray.from_sparse(codes, [numbers, texts]),
        pa.UnionArray.from_dense(codes, pa.array([0, 0, 1, 1], pa.int32()), [numbers, texts]),
        pa.RunEndEncodedArray.from_arrays(pa.array([1, 4], pa.int32()), pa.array(["x", "y"])),
    ):
        batch = pa.record_batch([column], ["column"])
        yield _schema(batch.schema) + _batch(batch)


def _batch(batch: Any) -> bytes:
    """As the engine writes it into a ring."""
    from sage_local.runtime.codec.columns import ColumnsEncoder
    from sage_local.runtime.native import RING_HEADER_BYTES, RingReader, RingWriter, Segment

    capacity = 1 << 16
    segment = Segment.create("seed", RING_HEADER_BYTES + capacity)
    encoder = ColumnsEncoder(RingWriter(segment, 0, capacity))
    encoder.begin(batch)
    assert encoder.write(0)
    record = RingReader(segment, 0, capacity).peek()
    assert record is not None
    return bytes(record[2])


class _ArrowSchema(ctypes.Structure):
    """Of the C Data Interface: what Python has no other way to read."""


_ArrowSchema._fields_ = [
    ("format", ctypes.c_char_p),
    ("name", ctypes.c_char_p),
    ("metadata", ctypes.c_void_p),
    ("flags", ctypes.c_int64),
    ("n_children", ctypes.c_int64),
    ("children", ctypes.POINTER(ctypes.POINTER(_ArrowSchema))),
    ("dictionary", ctypes.POINTER(_ArrowSchema)),
    ("release", ctypes.CFUNCTYPE(None, ctypes.POINTER(_ArrowSchema))),
    ("private_data", ctypes.c_void_p),
]


def _schema(schema: Any) -> bytes:
    exported = _ArrowSchema()
    schema._export_to_c(ctypes.addressof(exported))
    told = _told(exported)
    exported.release(exported)
    return told


def _told(schema: _ArrowSchema) -> bytes:
    """As ``fuzz_columns.c`` reads it."""
    own = bytes([len(schema.format)]) + schema.format + bytes([schema.n_children, bool(schema.dictionary)])
    children = [_told(schema.children[place].contents) for place in range(schema.n_children)]
    dictionary = [_told(schema.dictionary.contents)] if schema.dictionary else []
    return own + b"".join([*children, *dictionary])
