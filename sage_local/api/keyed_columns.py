"""Column streams with keys and in windows: aggregates by columns are vectorised, all else is as of rows."""

from typing import TYPE_CHECKING, Any

from sage_local.api.column_aggregates import ColumnAggregates
from sage_local.api.column_schemas import aggregated_schema
from sage_local.api.columns import ColumnStream, Record, is_expression, refuse_on_error
from sage_local.api.keyed import KeyedStream
from sage_local.api.names import operator_name
from sage_local.api.upstream import Upstream
from sage_local.api.windowed import WindowedStream
from sage_local.errors import PlanError
from sage_local.functions.columns import WINDOW_END, WINDOW_START, ColumnKey, named_aggregates
from sage_local.functions.output_tag import OnError
from sage_local.plan import columns as operators
from sage_local.plan.graph import Exchange

if TYPE_CHECKING:
    from sage_local.windowing.assigner import WindowAssigner


class KeyedColumnStream(ColumnAggregates, KeyedStream[Record, Any]):
    """A column stream partitioned by the values of columns."""

    __slots__ = ("_keyed_rows", "_keys", "_stream")

    def __init__(self, stream: ColumnStream, keys: tuple[str, ...]) -> None:
        self._stream = stream
        self._keys = keys
        self._keyed_rows: Upstream | None = None

    @property
    def _end(self) -> Upstream:  # type: ignore[override]  # as above
        if self._keyed_rows is None:
            self._keyed_rows = self._stream._end.exchange(Exchange.HASH, ColumnKey(self._keys))
        return self._keyed_rows

    @property
    def _origin(self) -> Upstream:
        return self._stream._columns

    @property
    def _partitioned(self) -> Upstream:
        return self._stream._columns.exchange(Exchange.HASH, ColumnKey(self._keys))

    def aggregate(
        self,
        function: Any = None,
        /,
        *,
        name: str | None = None,
        parallelism: int | None = None,
        on_error: OnError = "fail",
        **aggregates: Any,
    ) -> Any:
        """``total=("value", "sum")``: column ``total`` of the result has the sum of ``value`` of each key.

        The functions are sum, min, max, mean, count, size, first and last, with pandas' meanings. Streaming mode emits
        after each batch what the keys in it have by then, batch mode once per key at the end of input.
        """
        if function is not None:
            return super().aggregate(function, name=name, parallelism=parallelism, on_error=on_error)
        return self._aggregated(aggregates, name, parallelism, on_error)

    def _aggregated(
        self, aggregates: dict[str, Any], name: str | None, parallelism: int | None, on_error: OnError
    ) -> ColumnStream:
        refuse_on_error(on_error, "aggregate")
        chosen = named_aggregates(aggregates, self._keys)
        name = operator_name(name, None, "aggregate")
        schema = aggregated_schema(self._stream.schema, self._keys, chosen, name)
        key = ColumnKey(self._keys)
        operator = operators.AggregateColumns(name=name, key_selector=key, keys=self._keys, aggregates=chosen)
        return ColumnStream(self._partitioned.attach(operator, parallelism).unkeyed(), schema)

    def window(self, assigner: "WindowAssigner") -> "WindowedColumnStream":
        """Put the records of each key into windows."""
        return WindowedColumnStream(self._stream, self._keys, assigner)

    def filter(self, function: Any, **options: Any) -> Any:
        """By an expression: the same keyed stream with fewer records; by a function: as of rows."""
        if not is_expression(function):
            return super().filter(function, **options)
        filtered = self._stream.filter(function, **options)
        assert isinstance(filtered, ColumnStream)
        return KeyedColumnStream(filtered, self._keys)


class WindowedColumnStream(ColumnAggregates, WindowedStream[Record, Any]):
    """The windows of a column stream. ``aggregate`` by columns is vectorised; all else is as of rows."""

    __slots__ = ("_assigner", "_keys", "_stream")

    def __init__(self, stream: ColumnStream, keys: tuple[str, ...], assigner: "WindowAssigner") -> None:
        from sage_local.api.windowing import check_assigner

        check_assigner(assigner)
        self._stream = stream
        self._keys = keys
        self._assigner = assigner

    @property
    def _windowing(self) -> Any:  # type: ignore[override]  # as above
        from sage_local.api.windowing import time_windows

        if not self._keys:
            return time_windows(self._stream._end.unkeyed(), self._assigner, is_keyed=False)
        return time_windows(KeyedColumnStream(self._stream, self._keys)._end, self._assigner, is_keyed=True)

    def trigger(self, trigger: Any) -> Any:
        """As of rows."""
        return WindowedStream(self._windowing.with_trigger(trigger))

    def allowed_lateness(self, lateness: Any) -> Any:
        """As of rows."""
        return WindowedStream(self._windowing.with_lateness(lateness))

    def side_output_late_data(self, tag: Any) -> Any:
        """As of rows."""
        return WindowedStream(self._windowing.with_late_tag(tag))

    def aggregate(
        self,
        function: Any = None,
        window_function: Any = None,
        /,
        *,
        name: str | None = None,
        parallelism: int | None = None,
        on_error: OnError = "fail",
        **aggregates: Any,
    ) -> Any:
        """``total=("value", "sum")``: the key columns, ``window_start``, ``window_end``, and a column ``total``.

        The functions are sum, min, max, mean, count, size, first and last, with pandas' meanings.
        """
        if function is not None:
            return super().aggregate(function, window_function, name=name, parallelism=parallelism, on_error=on_error)
        return self._aggregated(aggregates, name, parallelism, on_error)

    def _aggregated(
        self, aggregates: dict[str, Any], name: str | None, parallelism: int | None, on_error: OnError
    ) -> ColumnStream:
        refuse_on_error(on_error, "aggregate")
        time_column = self._vectorised()
        chosen = named_aggregates(aggregates, (*self._keys, WINDOW_START, WINDOW_END))
        name = operator_name(name, None, "aggregate")
        schema = aggregated_schema(self._stream.schema, self._keys, chosen, name, time_column)
        end, key = self._stream._columns, ColumnKey(self._keys) if self._keys else None
        if key is not None:
            end = end.exchange(Exchange.HASH, key)
        elif parallelism not in (None, 1):
            raise PlanError(f"operator {name!r} has all records in one window, so its parallelism is 1")
        operator = operators.WindowColumns(
            name=name,
            key_selector=key,
            keys=self._keys,
            aggregates=chosen,
            assigner=self._assigner,
            time_column=time_column,
        )
        after = end.attach(operator, parallelism if key is not None else 1).unkeyed()
        return ColumnStream(after, schema, (WINDOW_END, -1))

    def _vectorised(self) -> str:
        """The time column. ``PlanError`` for windows that are of rows only."""
        from sage_local.api.windowing import check_vectorised

        check_vectorised(self._assigner)
        if self._stream._time is None:
            raise PlanError(
                f"{type(self._assigner).__name__} needs the column with the event time: call"
                " assign_timestamps_and_watermarks(strategy.with_timestamp_column(...)) before, and keep that column"
            )
        column, offset_ms = self._stream._time
        if offset_ms:
            raise PlanError(
                "windows of windows: call assign_timestamps_and_watermarks() again, and say which column tells the time"
            )
        return column
