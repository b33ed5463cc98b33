"""What is wrong with column streams is said while they are built, with operator, column and nearest name."""

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from sage_local import (
    EventTimeSessionWindows,
    FunctionError,
    LocalEnvironment,
    MapFunction,
    OperatorError,
    OutputTag,
    PlanError,
    ProcessingTimeSessionWindows,
    TumblingEventTimeWindows,
    WatermarkStrategy,
)
from sage_local.api.columns import ColumnStream

TABLE = pa.table(
    {
        "price": [1, 2],
        "name": ["a", "b"],
        "ts": pa.array([1, 2], pa.timestamp("s")),
        "parts": [[1], [2]],
        "amount": pa.array([1, 2], pa.decimal128(5, 2)),
    }
)


def stream(table: Any = TABLE, **config: Any) -> ColumnStream:
    return LocalEnvironment("columns", {"execution.engine": "inline", "parallelism": 1, **config}).from_arrow(table)


def timed(columns: Any) -> Any:
    return columns.assign_timestamps_and_watermarks(
        WatermarkStrategy.for_monotonous_timestamps().with_timestamp_column("ts")
    )


WRONG: dict[str, tuple[Any, str]] = {
    "filter by a column that is not there": (
        lambda s: s.filter(pc.field("prise") > 1),
        r"operator 'filter': there is no column 'prise': did you mean 'price'\?",
    ),
    "select a column that is not there": (
        lambda s: s.select("nam"),
        r"operator 'select': there is no column 'nam': did you mean 'name'\?",
    ),
    "compute from one that is not there": (
        lambda s: s.with_columns(x=pc.field("prize") * 2),
        r"operator 'with_columns': there is no column 'prize': did you mean 'price'\?",
    ),
    "no name is near": (lambda s: s.select("zzzz"), "there is no column 'zzzz': there are 'price', 'name'"),
    "key by one that is not there": (lambda s: s.key_by("nmae"), r"key_by\(\): .*did you mean 'name'\?"),
    "aggregate one that is not there": (
        lambda s: s.key_by("name").aggregate(total=("pric", "sum")),
        r"operator 'aggregate': there is no column 'pric': did you mean 'price'\?",
    ),
    "a type that an expression can not take": (
        lambda s: s.filter(pc.field("name") > 1),
        "operator 'filter': .*string",
    ),
    "a filter that is no truth value": (
        lambda s: s.filter(pc.field("price") + 1),
        "operator 'filter': a filter takes an expression that is true or false, found one of type int64",
    ),
    "a sum of text": (
        lambda s: s.key_by("price").sum("name"),
        "operator 'sum': column 'name' has no sum: expected numbers, found type string",
    ),
    "a mean of times": (lambda s: s.key_by("price").mean("ts"), r"column 'ts' has no mean: .*timestamp\[s\]"),
    "the least of lists": (lambda s: s.key_by("price").min("parts"), "column 'parts' has no min: .*no order"),
    "a key of lists": (lambda s: s.key_by("parts"), "column 'parts' of type list<.*> is no key"),
    "a key of decimals": (lambda s: s.key_by("amount"), "column 'amount' of type decimal128.* is no key"),
    "no key": (lambda s: s.key_by(), r"key_by\(\) takes the name of a column"),
    "one key twice": (lambda s: s.key_by("name", "name"), r"key_by\(\) takes different columns"),
    "a key that is no name": (lambda s: s.key_by("name", 3), r"key_by\(\) takes names of columns, or one function"),
    "an unknown function": (
        lambda s: s.key_by("name").aggregate(x=("price", "median")),
        r"aggregate\(x=\('price', 'median'\)\): the functions are sum, min, .*found 'median'",
    ),
    "an aggregate that is no pair": (
        lambda s: s.key_by("name").aggregate(x="price"),
        r"aggregate\(x=...\) takes a column and a function",
    ),
    "no aggregate": (lambda s: s.key_by("name").aggregate(), r"aggregate\(\) takes its results by name"),
    "a result named as a key": (
        lambda s: s.key_by("price").aggregate(price=("price", "sum")),
        "the result has a column 'price' already",
    ),
    "a result named as a window's edge": (
        lambda s: timed(s).key_by("name").window(TumblingEventTimeWindows.of(1)).aggregate(window_end=("price", "sum")),
        "the result has a column 'window_end' already",
    ),
    "windows without event time": (
        lambda s: s.key_by("name").window(TumblingEventTimeWindows.of(1)).sum("price"),
        "needs the column with the event time",
    ),
    "windows behind a projection without the time": (
        lambda s: timed(s).select("name", "price").key_by("name").window(TumblingEventTimeWindows.of(1)).sum("price"),
        "needs the column with the event time: .*and keep that column",
    ),
    "windows of the machine's clock": (
        lambda s: timed(s).key_by("name").window(ProcessingTimeSessionWindows.with_gap(1)).sum("price"),
        "aggregates of columns are for tumbling, sliding and session windows of event time",
    ),
    "sessions of dynamic gaps": (
        lambda s: timed(s).key_by("name").window(EventTimeSessionWindows.with_dynamic_gap(lambda r: 1)).sum("price"),
        "with a fixed gap",
    ),
    "time of text": (
        lambda s: s.assign_timestamps_and_watermarks(
            WatermarkStrategy.for_monotonous_timestamps().with_timestamp_column("name")
        ),
        "operator 'timestamps': column 'name' is to tell the event time: expected timestamps, .* found type string",
    ),
    "time by a function": (
        lambda s: s.assign_timestamps_and_watermarks(
            WatermarkStrategy.for_monotonous_timestamps().with_timestamp_assigner(lambda r: 1)
        ),
        r"name it by strategy.with_timestamp_column\('ts'\)",
    ),
    "a strategy that is none": (lambda s: s.assign_timestamps_and_watermarks("ts"), "takes a WatermarkStrategy"),
    "an expression that is none": (
        lambda s: s.with_columns(x=lambda r: 1),
        r"with_columns\(x=...\) takes an expression",
    ),
    "one column twice": (lambda s: s.select("name", "name"), "operator 'select' has more than one column name"),
    "no columns": (lambda s: s.select(), "operator 'select' takes at least one column"),
    "a class in place of its instance": (lambda s: s.map_batches(dict), r"map_batches\(\) takes a function"),
    "a batch size that is none": (lambda s: s.map_batches(len, batch_size=0), "batch_size: expected a whole number"),
    "a schema that is none": (lambda s: s.map_batches(len, schema={"a": int}), r"schema: expected a pyarrow.Schema"),
    "a union of other columns": (
        lambda s: s.union(s.select(price="name")),
        r"union\(\): the schemas of the streams do not fit each other: .*price int64.*now: price string",
    ),
    "single records that fail": (
        lambda s: s.filter(pc.field("price") > 1, on_error=OutputTag("bad")),
        "operator 'filter' works on whole batches",
    ),
    "parallel windows of all": (
        lambda s: timed(s).window_all(TumblingEventTimeWindows.of(1)).aggregate(n=("", "size"), parallelism=2),
        "all records in one window, so its parallelism is 1",
    ),
}


@pytest.mark.parametrize("what", WRONG)
def test_what_is_wrong_is_said_when_it_is_written(what: str) -> None:
    build, message = WRONG[what]
    with pytest.raises(PlanError, match=f"(?s){message}"):
        build(stream())


def test_a_function_class_is_taken_by_its_instance() -> None:
    class Batches(MapFunction[Any, Any]):
        pass

    with pytest.raises(FunctionError):
        stream().map_batches(Batches)


def test_schemas_are_known_as_far_as_they_can_be() -> None:
    columns = timed(stream())
    assert columns.filter(pc.field("price") > 1).schema == TABLE.schema
    assert columns.select("name", twice=pc.field("price") * 2).schema.names == ["name", "twice"]
    assert columns.map_batches(lambda batch: batch).schema is None
    found = (
        columns.key_by("name")
        .window(TumblingEventTimeWindows.of(1))
        .aggregate(total=("price", "sum"), mean=("price", "mean"), n=("price", "count"))
    )
    instant = pa.timestamp("ms")
    assert found.schema == pa.schema(
        {
            "name": pa.string(),
            "window_start": instant,
            "window_end": instant,
            "total": pa.int64(),
            "mean": pa.float64(),
            "n": pa.int64(),
        }
    )
    assert found.collect_arrow().schema == found.schema


# What can only be known when the job runs.


def failure(run: Any) -> str:
    with pytest.raises(OperatorError) as raised:
        run()
    return str(raised.value)


def test_a_column_that_is_missing_behind_a_function_is_said_with_its_operator() -> None:
    columns = stream().map_batches(lambda batch: batch)
    assert "operator 'filter' " in (found := failure(columns.filter(pc.field("prise") > 1).collect_arrow))
    assert "there is no column 'prise': did you mean 'price'?" in found
    found = failure(columns.key_by("nmae").aggregate(n=("", "size")).collect_arrow)
    assert "did you mean 'name'?" in found
    assert "did you mean 'name'?" in failure(columns.select("nam").collect_arrow)


@pytest.mark.parametrize("returned", [None, 1, "text", [1, 2], {"a": [1]}])
def test_a_function_that_returns_no_table_is_said(returned: Any) -> None:
    found = failure(stream().map_batches(lambda batch: returned, name="mine").collect_arrow)
    assert "operator 'mine'" in found
    assert f"found {type(returned).__name__}" in found


def test_a_lazy_frame_is_no_table_yet() -> None:
    import polars as pl

    found = failure(stream().map_batches(lambda batch: pl.from_arrow(batch).lazy()).collect_arrow)
    assert "a lazy frame is collected by .collect()" in found


@pytest.mark.parametrize(
    "returned", [pa.table({"b": [1]}), pa.table({"a": ["x"]}), pa.table({"a": [1], "b": [2]}), pa.table({"a": [2.5]})]
)
def test_a_function_that_breaks_its_schema_is_said_with_both(returned: pa.Table) -> None:
    declared = pa.schema({"a": pa.int64()})
    found = failure(stream().map_batches(lambda batch: returned, schema=declared, name="mine").collect_arrow)
    assert "operator 'mine'" in found
    assert "broke its declared schema: expected a int64; found " in found


def test_columns_of_one_name_are_refused() -> None:
    twice = pa.Table.from_arrays([pa.array([1]), pa.array([2])], ["a", "a"])
    found = failure(stream().map_batches(lambda batch: twice).collect_arrow)
    assert "expected columns of different names, found more than one a" in found


def test_batches_without_records_are_passed_over() -> None:
    columns = stream(pa.table({"n": pa.array([], pa.int64())}))
    assert columns.filter(pc.field("n") > 1).collect_arrow() == pa.table({"n": pa.array([], pa.int64())})
    found = stream().map_batches(lambda batch: batch.slice(0, 0)).key_by("name").sum("price").collect_arrow()
    assert len(found) == 0


def test_columns_of_nulls_have_null_aggregates() -> None:
    nulls = pa.table({"k": pa.nulls(3, pa.string()), "v": pa.nulls(3, pa.int64()), "w": pa.nulls(3)})
    keyed = stream(nulls, **{"execution.runtime-mode": "batch"}).key_by("k")
    found = keyed.aggregate(
        total=("v", "sum"), n=("v", "count"), size=("v", "size"), least=("v", "min"), mean=("v", "mean"), w=("w", "sum")
    )
    assert found.collect() == [{"k": None, "total": None, "n": 0, "size": 3, "least": None, "mean": None, "w": None}]


@pytest.mark.parametrize("parallelism", [1, 3])
def test_a_sum_that_is_more_than_its_type_holds_is_an_error(parallelism: int) -> None:
    config = {"execution.runtime-mode": "batch", "parallelism": parallelism}
    large = pa.table({"k": ["a", "a", "b"], "v": [2**62, 2**62, 5]})
    found = failure(stream(large, **config).key_by("k").aggregate(total=("v", "sum")).collect_arrow)
    assert "the sum of column 'v' is more than type int64 holds: cast the column to float64 or to a decimal" in found
    # Not by how large the values are, but by what their sum is.
    close = pa.table({"k": ["a", "a", "b"], "v": [2**62, -(2**62) + 7, 2**63 - 1]})
    sums = stream(close, **config).key_by("k").aggregate(total=("v", "sum"), n=("v", "count")).collect()
    assert sorted(map(repr, sums)) == sorted(
        map(repr, [{"k": "a", "total": 7, "n": 2}, {"k": "b", "total": 2**63 - 1, "n": 1}])
    )


def test_unsigned_and_decimal_sums_are_exact() -> None:
    import decimal

    table = pa.table(
        {
            "k": [1, 1],
            "u": pa.array([2**63, 2**63 - 1], pa.uint64()),
            "d": pa.array([decimal.Decimal("9" * 30), decimal.Decimal("9" * 30)], pa.decimal128(30, 0)),
        }
    )
    keyed = stream(table, **{"execution.runtime-mode": "batch"}).key_by("k")
    (found,) = keyed.aggregate(u=("u", "sum"), d=("d", "sum")).collect()
    assert found == {"k": 1, "u": 2**64 - 1, "d": decimal.Decimal("1" + "9" * 29 + "8")}


@pytest.mark.parametrize(
    "times",
    [
        pa.array([1, 11], pa.timestamp("s")),
        pa.array([1, 11], pa.timestamp("s", "Europe/Berlin")),
        pa.array([1000, 11_000], pa.timestamp("ms", "UTC")),
        pa.array([1_000_999, 11_000_000], pa.timestamp("us")),
        pa.array([1_000_000_999, 11_000_000_000], pa.timestamp("ns", "UTC")),
        pa.array([1000, 11_000], pa.int64()),
        pa.array([1000, 11_000], pa.uint32()),
    ],
)
def test_time_may_be_in_any_unit(times: pa.Array) -> None:
    columns = timed(stream(pa.table({"ts": times}))).window_all(TumblingEventTimeWindows.of("10s"))
    found = columns.aggregate(n=("", "size")).collect_arrow()
    assert found["window_start"].cast(pa.int64()).to_pylist() == [0, 10_000]
    assert found["n"].to_pylist() == [1, 1]


def test_dates_are_times_too() -> None:
    days = pa.table({"ts": pa.array([0, 1, 1], pa.date32())})
    found = timed(stream(days)).window_all(TumblingEventTimeWindows.of("24h")).aggregate(n=("", "size"))
    assert found.collect_arrow()["n"].to_pylist() == [1, 2]


def test_records_without_a_time_are_said_with_their_column() -> None:
    found = failure(timed(stream(pa.table({"ts": pa.array([1, None], pa.timestamp("ms"))}))).collect_arrow)
    assert "operator 'timestamps'" in found
    assert "column 'ts' is to tell the event time of each record, and is null in 1 of 2, first in row 1" in found


def test_seconds_that_are_out_of_range_are_said() -> None:
    found = failure(timed(stream(pa.table({"ts": pa.array([2**62], pa.timestamp("s"))}))).collect_arrow)
    assert "column 'ts' has a time that is out of range in milliseconds" in found


def test_nan_is_no_key() -> None:
    found = failure(stream(pa.table({"k": [float("nan")]})).key_by("k").aggregate(n=("", "size")).collect_arrow)
    assert "key column 'k' has a NaN, which is equal to nothing" in found


def test_an_overflow_in_an_expression_is_an_error() -> None:
    columns = stream(pa.table({"n": [2**63 - 1]}))
    assert "overflow" in failure(columns.with_columns(m=pc.field("n") + 1).collect_arrow)


def test_a_schema_that_changes_on_the_way_is_widened_or_an_error_with_both() -> None:
    def changing(second: Any) -> ColumnStream:
        return stream(pa.table({"n": range(4)}), **{"execution.runtime-mode": "batch"}).map_batches(
            lambda batch: pa.table({"k": [1], "v": [1]}) if batch["n"][0].as_py() == 0 else second, batch_size=2
        )

    widened = changing(pa.table({"k": [1], "v": [2.5]})).key_by("k").aggregate(total=("v", "sum"))
    assert widened.collect() == [{"k": 1, "total": 3.5}]
    other = changing(pa.table({"k": ["x"], "v": [1]})).key_by("k").aggregate(total=("v", "sum"))
    assert "the schema changed on the way" in (found := failure(other.collect_arrow))
    assert "before: k int64, sum of v int64\nnow: k string, sum of v int64" in found


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_a_large_column_of_text_passes() -> None:
    """More bytes than 32-bit offsets reach: ``large_string``, which needs no more than its pieces at a time."""
    text = "x" * (1 << 20)
    table = pa.table({"s": pa.array([text] * 80, pa.large_string()), "k": range(80)})
    columns = LocalEnvironment("large", {"parallelism": 2}).from_arrow(table)
    found = columns.key_by("k").map(lambda record: len(record["s"])).collect()
    assert found == [len(text)] * 80
