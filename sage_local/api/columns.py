"""Column streams: streams whose batches are Arrow record batches. Building them runs nothing."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from sage_local.api.column_schemas import (
    check_keys,
    check_time_column,
    filtered_schema,
    selected_schema,
    united_schema,
    widening,
)
from sage_local.api.datastream import DataStream, DataStreamSink
from sage_local.api.names import operator_name
from sage_local.api.submission import collect
from sage_local.api.upstream import Upstream
from sage_local.errors import FunctionError, PlanError
from sage_local.functions.binding import Role, bind, refuse_class
from sage_local.functions.function import BaseFunction
from sage_local.functions.output_tag import OnError
from sage_local.plan import columns as operators
from sage_local.plan.graph import Exchange

if TYPE_CHECKING:
    from sage_local.windowing.assigner import WindowAssigner
    from sage_local.windowing.watermarks import WatermarkStrategy

Record = dict[str, Any]


class ColumnStream(DataStream[Record]):
    """A stream of columns: what takes expressions or column names works on whole batches.

    Every other operator of ``DataStream`` can be applied too: its function sees the records as dictionaries.
    ``schema`` is a ``pyarrow.Schema`` as far as it is known before the job runs; then names and types of columns are
    checked as operators are applied.
    """

    __slots__ = ("_columns", "_rows", "_time", "schema")

    def __init__(self, columns: Upstream, schema: Any = None, time: tuple[str, int] | None = None) -> None:
        self._columns = columns
        self._rows: Upstream | None = None
        self._time = time
        """The column that has the event time, and how many ms are to be added."""
        self.schema = schema

    @property
    def _end(self) -> Upstream:  # type: ignore[override]  # nobody sets the attribute that DataStream has here
        # Made when it is asked for: only a program that has rows has the operator that makes them.
        if self._rows is None:
            column, offset_ms = self._time or (None, 0)
            rows = operators.ColumnsToRows(name="rows", time_column=column, time_offset_ms=offset_ms)
            self._rows = self._columns.attach(rows, None)
        return self._rows

    @property
    def _origin(self) -> Upstream:
        return self._columns

    def filter(
        self,
        function: Any,
        *,
        name: str | None = None,
        parallelism: int | None = None,
        on_error: OnError = "fail",
    ) -> "ColumnStream | DataStream[Record]":
        """Keep the records for which a ``pyarrow.compute.Expression`` is true; or a function of each, as of rows."""
        if not is_expression(function):
            return super().filter(function, name=name, parallelism=parallelism, on_error=on_error)
        name = operator_name(name, None, "filter")
        refuse_on_error(on_error, name)
        operator = operators.FilterColumns(name=name, expression=function)
        schema = filtered_schema(self.schema, function, name)
        return ColumnStream(self._columns.attach(operator, parallelism), schema, self._time)

    def select(
        self, *columns: str, name: str | None = None, parallelism: int | None = None, **expressions: Any
    ) -> "ColumnStream":
        """Only these columns, in this order, and those computed by ``expressions``.

        ``total=pc.field("price") * pc.field("n")`` is a column named ``total``; ``cost="price"`` another name for one.
        """
        for column in columns:
            if not isinstance(column, str):
                raise FunctionError(f"select() takes names of columns, and expressions by name; found {column!r}")
        chosen = (*((column, None) for column in columns), *_expressions(expressions, "select"))
        return self._selected(chosen, operator_name(name, None, "select"), parallelism, keeps_others=False)

    def with_columns(
        self, *, name: str | None = None, parallelism: int | None = None, **expressions: Any
    ) -> "ColumnStream":
        """All columns, and those computed by ``expressions``; one of a name there is already takes its place."""
        chosen = _expressions(expressions, "with_columns")
        return self._selected(chosen, operator_name(name, None, "with_columns"), parallelism, keeps_others=True)

    def _selected(
        self, chosen: tuple[tuple[str, Any], ...], name: str, parallelism: int | None, *, keeps_others: bool
    ) -> "ColumnStream":
        if not chosen:
            raise FunctionError(f"operator {name!r} takes at least one column, found none")
        names = [column for column, _ in chosen]
        if len(set(names)) < len(names):
            twice = sorted({column for column in names if names.count(column) > 1})
            raise PlanError(f"operator {name!r} has more than one column {', '.join(twice)}")
        operator = operators.SelectColumns(name=name, columns=chosen, keeps_others=keeps_others)
        schema = selected_schema(self.schema, chosen, name, keeps_others=keeps_others)
        kept = self._time if self._time is not None and self._keeps_time(chosen, keeps_others=keeps_others) else None
        return ColumnStream(self._columns.attach(operator, parallelism), schema, kept)

    def _keeps_time(self, chosen: tuple[tuple[str, Any], ...], *, keeps_others: bool) -> bool:
        assert self._time is not None
        column = self._time[0]
        return dict(chosen).get(column, 0 if not keeps_others else None) is None

    def map_batches(
        self,
        function: Callable[[Any], Any],
        *,
        batch_size: int | None = None,
        schema: Any = None,
        name: str | None = None,
        parallelism: int | None = None,
    ) -> "ColumnStream":
        """Put the table that ``function(record_batch)`` returns in the place of each batch.

        A ``RecordBatch``, a ``Table``, or anything with the Arrow PyCapsule interface (polars, duckdb, nanoarrow).
        ``batch_size`` is the most it is called with; smaller batches are joined up to it. ``schema``: what it returns,
        as a ``pyarrow.Schema`` or a dataclass, ``TypedDict`` or ``NamedTuple``; anything else is an error.
        """
        return map_batches(self._columns, function, batch_size, schema, name, parallelism, self._time)

    def key_by(self, *columns: Any) -> Any:
        """Bring the records of equal values in ``columns`` together; with a function, as of rows."""
        if len(columns) == 1 and not isinstance(columns[0], str):
            return super().key_by(columns[0])
        check_keys(self.schema, columns)
        from sage_local.api.keyed_columns import KeyedColumnStream

        return KeyedColumnStream(self, columns)

    def assign_timestamps_and_watermarks(
        self,
        strategy: "WatermarkStrategy[Any]",
        *,
        name: str | None = None,
        parallelism: int | None = None,
        on_error: OnError = "fail",
    ) -> "ColumnStream":
        """Event time is in the column that the strategy names by ``with_timestamp_column``."""
        from sage_local.api.windowing import check_strategy

        check_strategy(strategy)
        if not isinstance(strategy.assigner, str):
            raise PlanError(
                "the event time of a column stream is in a column: name it by"
                f" strategy.with_timestamp_column('ts'); found {strategy.assigner!r}"
            )
        if strategy.delay_ms is None:
            raise PlanError("for_generator() looks at each record: turn the columns into rows by map() before")
        name = operator_name(name, None, "timestamps")
        refuse_on_error(on_error, name)
        check_time_column(self.schema, strategy.assigner, name)
        operator = operators.AssignColumnTimestamps(name=name, strategy=strategy)
        return ColumnStream(self._columns.attach(operator, parallelism), self.schema, (strategy.assigner, 0))

    def window_all(self, assigner: "WindowAssigner") -> Any:
        """Put all records into the same windows: one subtask computes them."""
        from sage_local.api.keyed_columns import WindowedColumnStream

        return WindowedColumnStream(self, (), assigner)

    def union(self, *others: Any) -> Any:
        """All records of this stream and of ``others``, in the order of their arrival; of columns where all are.

        Streams of other columns are widened to one schema, as far as these are known before.
        """
        if not all(isinstance(other, ColumnStream) for other in others):
            return super().union(*others)
        for other in others:
            if other._columns.program is not self._columns.program:
                raise PlanError("union() takes streams of one environment, found streams of two")
        schema = united_schema([stream.schema for stream in (self, *others)])
        streams = [stream._widened(schema) for stream in (self, *others)]
        inputs = tuple(source for stream in streams for source in stream._columns.inputs)
        same_time = all(stream._time == streams[0]._time for stream in streams)
        return ColumnStream(Upstream(self._columns.program, inputs), schema, streams[0]._time if same_time else None)

    def _widened(self, schema: Any) -> "ColumnStream":
        if schema is None or self.schema.equals(schema):
            return self
        return self._selected(widening(self.schema, schema), "union", None, keeps_others=False)

    def rebalance(self) -> "ColumnStream":
        """Whole batches dealt evenly to the subtasks of the next operator, in no order."""
        return ColumnStream(self._columns.exchange(Exchange.REBALANCE), self.schema, self._time)

    def broadcast(self) -> "ColumnStream":
        """Every record to every subtask of the next operator."""
        return ColumnStream(self._columns.exchange(Exchange.BROADCAST), self.schema, self._time)

    def sink(
        self, function: Any, *, name: str | None = None, parallelism: int | None = None, on_error: OnError = "fail"
    ) -> DataStreamSink:
        """Hand each batch to ``function.write_batch`` where there is one, else each record as a dictionary to it."""
        if isinstance(function, type) or not hasattr(function, "write_batch"):
            return super().sink(function, name=name, parallelism=parallelism, on_error=on_error)
        bind(function, Role.BATCH_SINK)
        return DataStreamSink(DataStream(self._columns)._sink(function, name, parallelism, on_error))

    def collect(self, *, name: str | None = None) -> list[Record]:
        """As of rows: the records as dictionaries. ``collect_arrow`` is much faster."""
        from sage_local.functions.record_schemas import dictionaries

        return [record for batch in self.collect_arrow(name=name).to_batches() for record in dictionaries(batch)]

    def collect_arrow(self, *, name: str | None = None) -> Any:
        """Run what this stream needs, and nothing else, and return its records in order as a ``pyarrow.Table``."""
        from sage_local.api.column_schemas import table_of

        return table_of(self._collected(name), self.schema)

    def _collected(self, name: str | None) -> list[Any]:
        return collect(self._columns, operator_name(name, None, "collect"))


def map_batches(
    end: Upstream,
    function: Any,
    batch_size: int | None,
    schema: Any,
    name: str | None,
    parallelism: int | None,
    time: tuple[str, int] | None,
) -> ColumnStream:
    """``function`` of whole batches, behind ``end``."""
    from sage_local.functions.record_schemas import declared_schema

    if isinstance(function, BaseFunction):
        refuse_class(function, "map_batches", BaseFunction)
    elif isinstance(function, type) or not callable(function):
        raise FunctionError(f"map_batches() takes a function of a record batch, found {function!r}")
    if batch_size is not None and (not isinstance(batch_size, int) or isinstance(batch_size, bool) or batch_size < 1):
        raise PlanError(f"batch_size: expected a whole number of at least 1, found {batch_size!r}")
    declared = declared_schema(schema)
    operator = operators.MapBatches(
        name=operator_name(name, function, "map_batches"), function=function, batch_size=batch_size, schema=declared
    )
    kept = time if declared is None or (time is not None and time[0] in declared.names) else None
    return ColumnStream(end.attach(operator, parallelism), declared, kept)


def refuse_on_error(on_error: OnError, name: str) -> None:
    """``PlanError`` for anything but to fail."""
    if on_error != "fail":
        raise PlanError(f"operator {name!r} works on whole batches, of which no record fails by itself: no on_error")


def is_expression(value: Any) -> bool:
    """Whether it is one of pyarrow's."""
    # By its name: a function of rows should not load pyarrow.
    kind = type(value)
    return kind.__name__ == "Expression" and kind.__module__ == "pyarrow._compute"


def _expressions(given: dict[str, Any], method: str) -> tuple[tuple[str, Any], ...]:
    import pyarrow.compute as pc

    chosen = []
    for name, value in given.items():
        if callable(value) or isinstance(value, list | dict | tuple):
            raise FunctionError(
                f"{method}({name}=...) takes an expression such as pc.field('x') * 2, the name of a column or a plain"
                f" value; found {value!r}"
            )
        expression = pc.field(value) if isinstance(value, str) else value if is_expression(value) else pc.scalar(value)
        chosen.append((name, expression))
    return tuple(chosen)
