"""Batches of columns arrive as they were sent, of every type and however sliced."""

from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sage_local.core.elements import Columns, Rows
from sage_local.runtime.channels.frame import Frame
from sage_local.runtime.channels.ring import RingReceiver, RingSender
from sage_local.runtime.codec.columns import ColumnsDecoder, ColumnsEncoder, decode_stream, encode_stream
from sage_local.runtime.native import RingReader, RingWriter, Segment

TEXT = st.one_of(st.none(), st.text(max_size=20))
INTS = st.one_of(st.none(), st.integers(-(2**31), 2**31 - 1))

VALUES: dict[pa.DataType, st.SearchStrategy[Any]] = {
    pa.int8(): st.one_of(st.none(), st.integers(-128, 127)),
    pa.int64(): st.one_of(st.none(), st.integers(-(2**63), 2**63 - 1)),
    pa.uint64(): st.one_of(st.none(), st.integers(0, 2**64 - 1)),
    pa.float64(): st.one_of(st.none(), st.floats(allow_nan=False)),
    pa.bool_(): st.one_of(st.none(), st.booleans()),
    pa.null(): st.none(),
    pa.string(): TEXT,
    pa.large_string(): TEXT,
    pa.string_view(): TEXT,
    pa.binary(): st.one_of(st.none(), st.binary(max_size=20)),
    pa.binary(3): st.one_of(st.none(), st.binary(min_size=3, max_size=3)),
    pa.binary_view(): st.one_of(st.none(), st.binary(max_size=40)),
    pa.decimal128(20, 3): st.one_of(st.none(), st.decimals(-(10**9), 10**9, places=3)),
    pa.decimal256(50, 2): st.one_of(st.none(), st.decimals(-(10**9), 10**9, places=2)),
    pa.date32(): st.one_of(st.none(), st.dates()),
    pa.timestamp("s"): st.one_of(st.none(), st.integers(-(10**9), 10**9)),
    pa.timestamp("us", "Europe/Berlin"): st.one_of(st.none(), st.integers(0, 10**15)),
    pa.duration("ms"): st.one_of(st.none(), st.integers(-(10**9), 10**9)),
    pa.dictionary(pa.int8(), pa.string()): st.one_of(st.none(), st.sampled_from(["a", "bb", "ccc"])),
    pa.list_(pa.int32()): st.one_of(st.none(), st.lists(INTS, max_size=4)),
    pa.large_list(pa.string()): st.one_of(st.none(), st.lists(TEXT, max_size=3)),
    pa.list_(pa.int32(), 2): st.one_of(st.none(), st.lists(INTS, min_size=2, max_size=2)),
    pa.map_(pa.string(), pa.int32()): st.one_of(st.none(), st.dictionaries(st.text(max_size=3), INTS, max_size=3)),
    pa.struct({"x": pa.int32(), "y": pa.list_(pa.string())}): st.one_of(
        st.none(), st.fixed_dictionaries({"x": INTS, "y": st.lists(TEXT, max_size=2)})
    ),
    pa.struct({"d": pa.dictionary(pa.int32(), pa.string())}): st.one_of(
        st.none(), st.fixed_dictionaries({"d": st.sampled_from(["a", "b"])})
    ),
}


def array(kind: pa.DataType, values: list[Any]) -> pa.Array:
    if isinstance(kind, pa.MapType):
        values = [None if value is None else list(value.items()) for value in values]
    return pa.array(values, kind)


@st.composite
def batches(draw: st.DrawFn) -> pa.RecordBatch:
    """Some columns of any types, cut out of longer ones."""
    kinds = draw(st.lists(st.sampled_from(list(VALUES)), min_size=1, max_size=4))
    before, rows, after = (draw(st.integers(0, 9)) for _ in range(3))
    columns = []
    for kind in kinds:
        whole = array(
            kind, draw(st.lists(VALUES[kind], min_size=before + rows + after, max_size=before + rows + after))
        )
        columns.append(whole)
    names = [f"c{index}" for index in range(len(columns))]
    return pa.RecordBatch.from_arrays(columns, names).slice(before, rows)


def by_ipc(batch: pa.RecordBatch) -> pa.RecordBatch:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema) as writer:
        writer.write_batch(batch)
    return pa.ipc.open_stream(sink.getvalue()).read_next_batch()


def check(found: pa.RecordBatch, sent: pa.RecordBatch) -> None:
    found.validate(full=True)
    assert found.schema.equals(sent.schema, check_metadata=True)
    assert found.to_pylist() == sent.to_pylist() == by_ipc(sent).to_pylist()


@given(batches())
def test_a_stream_of_one_batch_is_that_batch(batch: pa.RecordBatch) -> None:
    check(decode_stream(encode_stream(batch).to_pybytes()), batch)


@given(st.lists(batches(), min_size=1, max_size=4), st.data())
def test_a_channel_tells_its_schema_whenever_it_changes(sent: list[pa.RecordBatch], data: st.DataObject) -> None:
    encoder, decoder = ColumnsEncoder(), ColumnsDecoder()
    for batch in data.draw(st.lists(st.sampled_from(sent), max_size=8)):
        is_stream, body = encoder.encode(batch)
        decoder.begin(len(body))
        decoder.place[:] = memoryview(body).cast("B")
        check(decoder.stream() if is_stream else decoder.batch(), batch)


def ring(capacity: int = 1 << 16) -> tuple[RingSender, RingReceiver]:
    segment = Segment.create("columns", 2 * capacity)
    writer, reader = RingWriter(segment, 4096, capacity), RingReader(segment, 4096, capacity)
    sender = RingSender(writer, lambda: None, timeout_ms=100, max_rows=4096, clock=lambda: 0)
    return sender, RingReceiver(reader, lambda: None)


@given(st.lists(batches(), min_size=1, max_size=5))
def test_batches_pass_through_a_ring(sent: list[pa.RecordBatch]) -> None:
    sender, receiver = ring()
    for batch in sent:
        sender.send(Frame(Columns(batch), ends_turn=True))
        frame = receiver.receive()
        assert frame is not None
        assert frame.ends_turn
        assert isinstance(frame.element, Columns)
        receiver.release()
        sender.flush(0)
        check(frame.element.values, batch)


@pytest.mark.parametrize("rows", [0, 1, 1000, 300_000])
def test_batches_larger_than_the_ring_pass_in_pieces(rows: int) -> None:
    sender, receiver = ring(1 << 14)
    batch = pa.record_batch({"n": pa.array(range(rows), pa.int64()), "s": pa.array([str(n) for n in range(rows)])})
    sender.send(Frame(Columns(batch)))
    frame = receiver.receive()
    while frame is None:
        sender.flush(0)
        frame = receiver.receive()
    receiver.release()
    check(frame.element.values, batch)  # type: ignore[union-attr]


def test_rows_and_columns_share_a_channel() -> None:
    sender, receiver = ring()
    batch = pa.record_batch({"n": [1, 2]})
    for element in (Rows([1]), Columns(batch), Rows([{"n": 3}]), Columns(batch)):
        sender.send(Frame(element))
        frame = receiver.receive()
        assert frame is not None
        receiver.release()
        sender.flush(0)
        assert type(frame.element) is type(element)


def test_what_was_received_outlives_the_ring() -> None:
    sender, receiver = ring()
    received = []
    for number in range(200):
        sender.send(Frame(Columns(pa.record_batch({"n": [number] * 100}))))
        frame = receiver.receive()
        assert frame is not None
        received.append(frame.element)
        receiver.release()
        sender.flush(0)
    assert [batch.values["n"][0].as_py() for batch in received] == list(range(200))  # type: ignore[union-attr]


def test_metadata_and_extension_types_arrive() -> None:
    schema = pa.schema([pa.field("u", pa.uuid(), metadata={"a": "b"})], metadata={"c": "d"})
    storage = pa.array([b"0123456789abcdef", None], pa.binary(16))
    batch = pa.RecordBatch.from_arrays([pa.ExtensionArray.from_storage(pa.uuid(), storage)], schema=schema)
    check(decode_stream(encode_stream(batch).to_pybytes()), batch)


def test_run_ends_arrive() -> None:
    batch = pa.record_batch({"r": pa.RunEndEncodedArray.from_arrays([3, 5], ["a", None])})
    found = decode_stream(encode_stream(batch.slice(1, 3)).to_pybytes())
    found.validate(full=True)
    assert found.to_pylist() == [{"r": "a"}, {"r": "a"}, {"r": None}]
