"""Batches of columns arrive as they were sent, of every type and however sliced."""

from struct import pack
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sage_local.core.elements import Columns, Rows
from sage_local.runtime.channels.frame import Frame
from sage_local.runtime.channels.ring import RingReceiver, RingSender
from sage_local.runtime.codec.columns import decode_stream, encode_stream
from sage_local.runtime.native import RingReader, RingWriter, Segment

TEXT = st.one_of(st.none(), st.text(max_size=20))
INTS = st.one_of(st.none(), st.integers(-(2**31), 2**31 - 1))

VALUES: dict[pa.DataType, st.SearchStrategy[Any]] = {
    pa.int8(): st.one_of(st.none(), st.integers(-128, 127)),
    pa.uint16(): st.one_of(st.none(), st.integers(0, 2**16 - 1)),
    pa.int64(): st.one_of(st.none(), st.integers(-(2**63), 2**63 - 1)),
    pa.uint64(): st.one_of(st.none(), st.integers(0, 2**64 - 1)),
    pa.float16(): st.one_of(st.none(), st.floats(allow_nan=False, width=16)),
    pa.float64(): st.one_of(st.none(), st.floats(allow_nan=False)),
    pa.bool_(): st.one_of(st.none(), st.booleans()),
    pa.null(): st.none(),
    pa.string(): TEXT,
    pa.large_string(): TEXT,
    pa.string_view(): TEXT,
    pa.binary(): st.one_of(st.none(), st.binary(max_size=20)),
    pa.large_binary(): st.one_of(st.none(), st.binary(max_size=20)),
    pa.binary(3): st.one_of(st.none(), st.binary(min_size=3, max_size=3)),
    pa.binary_view(): st.one_of(st.none(), st.binary(max_size=40)),
    pa.decimal32(9, 2): st.one_of(st.none(), st.decimals(-1000, 1000, places=2)),
    pa.decimal64(18, 2): st.one_of(st.none(), st.decimals(-1000, 1000, places=2)),
    pa.decimal128(20, 3): st.one_of(st.none(), st.decimals(-(10**9), 10**9, places=3)),
    pa.decimal256(50, 2): st.one_of(st.none(), st.decimals(-(10**9), 10**9, places=2)),
    pa.date32(): st.one_of(st.none(), st.dates()),
    pa.date64(): st.one_of(st.none(), st.dates()),
    pa.time32("ms"): st.one_of(st.none(), st.integers(0, 86_399_999)),
    pa.time64("ns"): st.one_of(st.none(), st.integers(0, 86_399).map(lambda second: second * 1_000_000_000)),
    pa.month_day_nano_interval(): st.one_of(st.none(), st.tuples(*[st.integers(-1000, 1000)] * 3)),
    pa.timestamp("s"): st.one_of(st.none(), st.integers(-(10**9), 10**9)),
    pa.timestamp("us", "Europe/Berlin"): st.one_of(st.none(), st.integers(0, 10**15)),
    pa.duration("ms"): st.one_of(st.none(), st.integers(-(10**9), 10**9)),
    pa.dictionary(pa.int8(), pa.string()): st.one_of(st.none(), st.sampled_from(["a", "bb", "ccc"])),
    pa.dictionary(pa.uint8(), pa.string_view()): st.one_of(st.none(), st.integers(0, 2)),
    pa.list_view(pa.string()): st.one_of(st.none(), st.lists(TEXT, max_size=3)),
    pa.large_list_view(pa.bool_()): st.one_of(st.none(), st.lists(st.booleans(), max_size=9)),
    pa.list_(pa.bool_()): st.one_of(st.none(), st.lists(st.one_of(st.none(), st.booleans()), max_size=9)),
    pa.list_(pa.string_view()): st.one_of(st.none(), st.lists(st.text(max_size=30), max_size=3)),
    pa.list_(pa.list_(pa.int8())): st.one_of(st.none(), st.lists(st.lists(st.integers(0, 9), max_size=3), max_size=3)),
    pa.list_(pa.struct({"b": pa.bool_(), "n": pa.null()}), 3): st.one_of(
        st.none(), st.lists(st.fixed_dictionaries({"b": st.booleans(), "n": st.none()}), min_size=3, max_size=3)
    ),
    pa.list_(pa.int32()): st.one_of(st.none(), st.lists(INTS, max_size=4)),
    pa.large_list(pa.string()): st.one_of(st.none(), st.lists(TEXT, max_size=3)),
    pa.list_(pa.int32(), 2): st.one_of(st.none(), st.lists(INTS, min_size=2, max_size=2)),
    pa.map_(pa.string(), pa.int32()): st.one_of(st.none(), st.dictionaries(st.text(max_size=3), INTS, max_size=3)),
    pa.struct({"x": pa.int32(), "y": pa.list_(pa.string())}): st.one_of(
        st.none(), st.fixed_dictionaries({"x": INTS, "y": st.lists(TEXT, max_size=2)})
    ),
    # Never null: the dictionary that pyarrow builds then is not valid.
    pa.struct({"d": pa.dictionary(pa.int32(), pa.string())}): st.fixed_dictionaries({"d": st.sampled_from(["a", "b"])}),
}


def array(kind: pa.DataType, values: list[Any]) -> pa.Array:
    if isinstance(kind, pa.MapType):
        values = [None if value is None else list(value.items()) for value in values]
    if isinstance(kind, pa.DictionaryType) and kind.value_type == pa.string_view():
        words = pa.array(["a", None, "longer than what fits into a view"], pa.string_view())
        return pa.DictionaryArray.from_arrays(pa.array(values, kind.index_type), words)
    return pa.array(values, kind)


def run_ends(values: list[Any], ends: pa.DataType) -> pa.Array:
    """Every value twice."""
    runs = pa.array(range(2, 2 * len(values) + 1, 2), ends)
    return pa.RunEndEncodedArray.from_arrays(runs, pa.array(values, pa.string()))


@st.composite
def unions(draw: st.DrawFn, rows: int) -> pa.Array:
    """Of strings and lists, in which values of the children are used more than once, or never."""
    texts = pa.array(draw(st.lists(TEXT, min_size=rows or 1, max_size=rows or 1)), pa.string())
    lists = pa.array([[index] * (index % 3) for index in range(rows or 1)], pa.list_(pa.int8()))
    codes = pa.array(draw(st.lists(st.sampled_from([0, 1]), min_size=rows, max_size=rows)), pa.int8())
    if draw(st.booleans()):
        return pa.UnionArray.from_sparse(codes, [texts.slice(0, rows), lists.slice(0, rows)])
    places = st.integers(0, max(rows - 1, 0))
    offsets = pa.array(sorted(draw(st.lists(places, min_size=rows, max_size=rows))), pa.int32())
    return pa.UnionArray.from_dense(codes, offsets, [texts, lists])


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
    if draw(st.booleans()):
        columns.append(draw(unions(before + rows + after)))
    if draw(st.booleans()):
        values = draw(st.lists(TEXT, min_size=before + rows + after, max_size=before + rows + after))
        ends = draw(st.sampled_from([pa.int16(), pa.int32(), pa.int64()]))
        columns.append(run_ends(values, ends).slice(draw(st.integers(0, len(values))), len(values)))
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


@settings(max_examples=25)
@given(batches())
def test_a_stream_of_one_batch_is_that_batch(batch: pa.RecordBatch) -> None:
    check(decode_stream(encode_stream(batch).to_pybytes()), batch)


def ring(capacity: int = 1 << 16, arena: int = 1 << 16) -> tuple[RingSender, RingReceiver]:
    segment = Segment.create("columns", 8192 + capacity + arena)
    writer, reader = RingWriter(segment, 4096, capacity, arena), RingReader(segment, 4096, capacity, arena)
    sender = RingSender(writer, lambda: None, timeout_ms=100, max_rows=4096, clock=lambda: 0)
    return sender, RingReceiver(reader, lambda: None, clock=lambda: 0)


def passed(sender: RingSender, receiver: RingReceiver, batch: pa.RecordBatch) -> Any:
    """What arrives, once there has been room for all of it."""
    sender.send(Frame(Columns(batch), ends_turn=True))
    while (frame := receiver.receive()) is None:
        sender.flush(0)
    receiver.release()
    sender.flush(0)
    assert frame.ends_turn
    assert isinstance(frame.element, Columns)
    return frame.element.values


SIZES = [(1 << 10, 0), (1 << 12, 1 << 12), (1 << 16, 1 << 16)]
"""Of ring and arena: batches come in pieces, in one, and to a place of their own."""


@settings(max_examples=50)
@given(st.lists(batches(), min_size=1, max_size=3), st.data(), st.sampled_from(SIZES))
def test_batches_pass_through_a_ring(sent: list[pa.RecordBatch], data: st.DataObject, size: tuple[int, int]) -> None:
    """The receiver knows the schema whenever it changes."""
    sender, receiver = ring(*size)
    for batch in data.draw(st.lists(st.sampled_from(sent), max_size=6)):
        check(passed(sender, receiver, batch), batch)


@settings(max_examples=50)
@given(batches(), st.data())
def test_parts_of_a_batch_pass_as_the_whole(batch: pa.RecordBatch, data: st.DataObject) -> None:
    """A piece of a piece, with what is cut off at either end or at none."""
    sender, receiver = ring()
    start = data.draw(st.integers(0, batch.num_rows))
    part = batch.slice(start, data.draw(st.integers(0, batch.num_rows - start)))
    check(passed(sender, receiver, part), part)


@settings(max_examples=25)
@given(batches())
def test_what_arrived_is_passed_on_as_it_is(batch: pa.RecordBatch) -> None:
    check(passed(*ring(), passed(*ring(1 << 10, 0), passed(*ring(), batch))), batch)


@pytest.mark.parametrize("arena", [0, 1 << 14])
@pytest.mark.parametrize("rows", [0, 1, 1000, 300_000])
def test_batches_larger_than_the_ring_pass_in_pieces(rows: int, arena: int) -> None:
    batch = pa.record_batch({"n": pa.array(range(rows), pa.int64()), "s": pa.array([str(n) for n in range(rows)])})
    check(passed(*ring(1 << 14, arena), batch.slice(rows // 3)), batch.slice(rows // 3))


@pytest.mark.parametrize("kind", [pa.string(), pa.string_view(), pa.list_(pa.string()), pa.list_view(pa.string())])
def test_a_part_takes_the_room_of_a_part(kind: pa.DataType) -> None:
    """What a batch does not show is not sent."""
    values: list[Any] = ["a value of some length"] * 50_000
    whole = pa.array([[value] for value in values] if "list" in str(kind) else values, kind)
    part = pa.record_batch({"s": whole}).slice(40_000, 10)
    sender, receiver = ring(1 << 12, 0)
    sender.send(Frame(Columns(part)))
    frames = 0
    while receiver.receive() is not None:
        receiver.release()
        sender.flush(0)
        frames += 1
    assert frames == 1
    assert sender.writer.written <= 4


def test_long_values_that_many_views_share_stay_shared() -> None:
    """Copying each would make a batch larger than memory out of one that is not."""
    views = pa.py_buffer(pack("<i4sii", 1000, b"xxxx", 0, 0) * 10_000)
    shared = pa.Array.from_buffers(pa.string_view(), 10_000, [None, views, pa.py_buffer(b"x" * 1000)])
    batch = pa.record_batch({"s": shared})
    sender, receiver = ring(1 << 18, 0)
    check(passed(sender, receiver, batch), batch)
    assert sender.writer.written <= 10_000 * 16 // (1 << 15) + 3


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
    assert [batch.values["n"][0].as_py() for batch in received] == list(range(200))


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
