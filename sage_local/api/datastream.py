"""Streams: what operators are applied to. Building them runs nothing."""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Generic, TypeVar, overload

from sage_local.api.names import operator_name
from sage_local.api.program import StaysHere
from sage_local.api.submission import collect
from sage_local.api.upstream import Upstream
from sage_local.errors import FunctionError, PlanError
from sage_local.functions import (
    BaseFunction,
    FilterFunction,
    FlatMapFunction,
    KeySelector,
    MapFunction,
    OutputTag,
    ProcessContext,
    ProcessFunction,
    Role,
    SinkFunction,
    TwoPhaseCommitSink,
    bind,
)
from sage_local.functions.output_tag import OnError
from sage_local.functions.process_binding import bind_process
from sage_local.plan import operators
from sage_local.plan.graph import Exchange

if TYPE_CHECKING:
    # Operators lead from each kind of stream to the others: at run time the method that does so imports the other kind.
    # Programs without event time and windows then start as fast as if there were none.
    from sage_local.api.columns import ColumnStream
    from sage_local.api.connected import ConnectedStreams
    from sage_local.api.keyed import KeyedStream
    from sage_local.api.windowed import AllWindowedStream
    from sage_local.windowing.assigner import WindowAssigner
    from sage_local.windowing.watermarks import WatermarkStrategy

T_co = TypeVar("T_co", covariant=True)
U = TypeVar("U")
K = TypeVar("K")


class DataStreamSink(StaysHere):
    """The end of a stream. Given to ``submit`` it stands for its pipeline."""

    __slots__ = ("_end",)

    def __init__(self, end: Upstream) -> None:
        self._end = end

    @property
    def _origin(self) -> Upstream:
        return self._end


class DataStream(StaysHere, Generic[T_co]):
    """A stream of records of type ``T_co``: immutable and lazy.

    Every operator returns a new stream and leaves this one as it is, so a stream can be used several times: each use
    gets all records. ``name`` is shown in errors, metrics and plans, and is the function's name where it is not given;
    ``parallelism`` is the job's where it is not given; ``on_error`` says what becomes of a record that the function
    fails on (see ``OnError``). A function is a plain callable or an instance of a function
    class.
    """

    __slots__ = ("_end",)

    def __init__(self, end: Upstream) -> None:
        self._end = end

    @property
    def _origin(self) -> Upstream:
        """What the stream stands for when it is given to ``submit``."""
        return self._end

    @overload
    def map(
        self,
        function: Callable[[T_co], U] | MapFunction[T_co, U],
        *,
        name: str | None = None,
        parallelism: int | None = None,
        on_error: OnError = "fail",
    ) -> "DataStream[U]": ...
    @overload
    def map(
        self,
        function: BaseFunction,
        *,
        name: str | None = None,
        parallelism: int | None = None,
        on_error: OnError = "fail",
    ) -> "DataStream[Any]": ...
    def map(
        self, function: Any, *, name: str | None = None, parallelism: int | None = None, on_error: OnError = "fail"
    ) -> "DataStream[Any]":
        """Put ``function(record)`` in the place of each record."""
        return DataStream(self._map(function, name, parallelism, on_error))

    def filter(
        self,
        function: Callable[[T_co], object] | FilterFunction[T_co] | BaseFunction,
        *,
        name: str | None = None,
        parallelism: int | None = None,
        on_error: OnError = "fail",
    ) -> "DataStream[T_co]":
        """Keep the records for which ``function(record)`` is true."""
        return DataStream(self._filter(function, name, parallelism, on_error))

    @overload
    def flat_map(
        self,
        function: Callable[[T_co], Iterable[U]] | FlatMapFunction[T_co, U],
        *,
        name: str | None = None,
        parallelism: int | None = None,
        on_error: OnError = "fail",
    ) -> "DataStream[U]": ...
    @overload
    def flat_map(
        self,
        function: BaseFunction,
        *,
        name: str | None = None,
        parallelism: int | None = None,
        on_error: OnError = "fail",
    ) -> "DataStream[Any]": ...
    def flat_map(
        self, function: Any, *, name: str | None = None, parallelism: int | None = None, on_error: OnError = "fail"
    ) -> "DataStream[Any]":
        """Put all that ``function(record)`` returns or yields in the place of each record."""
        return DataStream(self._flat_map(function, name, parallelism, on_error))

    @overload
    def key_by(self, selector: Callable[[T_co], K] | KeySelector[T_co, K]) -> "KeyedStream[T_co, K]": ...
    @overload
    def key_by(self, selector: BaseFunction) -> "KeyedStream[T_co, Any]": ...
    def key_by(self, selector: Any) -> "KeyedStream[T_co, Any]":
        """Bring the records of equal keys together: each key in one subtask, in order, in all that follows.

        What is a key, and when two are equal, is said by the Keys guarantee.
        """
        from sage_local.api.keyed import KeyedStream

        return KeyedStream(self._end.exchange(Exchange.HASH, bind(selector, Role.KEY)))

    @overload
    def process(
        self,
        function: ProcessFunction[T_co, U],
        *,
        name: str | None = None,
        parallelism: int | None = None,
        on_error: OnError = "fail",
    ) -> "DataStream[U]": ...
    @overload
    def process(
        self,
        function: Callable[[T_co, ProcessContext], Iterable[Any] | None],
        *,
        name: str | None = None,
        parallelism: int | None = None,
        on_error: OnError = "fail",
    ) -> "DataStream[Any]": ...
    def process(
        self, function: Any, *, name: str | None = None, parallelism: int | None = None, on_error: OnError = "fail"
    ) -> "DataStream[Any]":
        """Put what ``function(record, ctx)`` yields in the place of each record; ``yield tag, record`` goes aside."""
        return DataStream(self._process(function, name, parallelism, on_error))

    def assign_timestamps_and_watermarks(
        self,
        strategy: "WatermarkStrategy[T_co]",
        *,
        name: str | None = None,
        parallelism: int | None = None,
        on_error: OnError = "fail",
    ) -> "DataStream[T_co]":
        """Give every record its event time, and the stream its watermarks.

        Directly behind a source it runs with the source, and tells the time of each split by itself. ``on_error`` is
        for records without an event time that can be read.
        """
        from sage_local.api.windowing import assign_timestamps

        return DataStream(assign_timestamps(self._end.on(on_error), strategy, name, parallelism).unkeyed())

    def window_all(self, assigner: "WindowAssigner") -> "AllWindowedStream[T_co]":
        """Put all records, whatever their keys, into the same windows: one subtask computes them."""
        from sage_local.api.windowed import AllWindowedStream
        from sage_local.api.windowing import time_windows

        return AllWindowedStream(time_windows(self._end.unkeyed(), assigner, is_keyed=False))

    def side_output(self, tag: OutputTag[U]) -> "DataStream[U]":
        """What the operator that returned this stream writes to the side output ``tag``."""
        if not isinstance(tag, OutputTag):
            raise FunctionError(f"side_output() takes an OutputTag, found {tag!r}")
        return DataStream(self._end.side(tag.name))

    @overload
    def connect(self, other: "DataStream[U]", /) -> "ConnectedStreams[T_co, U]": ...
    @overload
    def connect(self, *others: "DataStream[Any]") -> "ConnectedStreams[T_co, Any]": ...
    def connect(self, *others: "DataStream[Any]") -> "ConnectedStreams[T_co, Any]":
        """Make this stream and ``others`` the inputs of one function, in this order.

        With keys on all of them the function's state is by key; with ``other.broadcast()`` every subtask gets all of
        the other stream, for a ``BroadcastProcessFunction``.
        """
        for other in others:
            if not isinstance(other, DataStream):
                raise FunctionError(f"connect() takes streams, found {other!r}")
        if not others:
            raise FunctionError("connect() takes at least one other stream, found none")
        from sage_local.api.connected import ConnectedStreams

        return ConnectedStreams((self._end, *(other._end for other in others)))

    def map_batches(
        self,
        function: Callable[[Any], Any],
        *,
        batch_size: int | None = None,
        schema: Any = None,
        name: str | None = None,
        parallelism: int | None = None,
    ) -> "ColumnStream":
        """As of a ``ColumnStream``: ``to_columns()`` first."""
        columns = self.to_columns()
        return columns.map_batches(function, batch_size=batch_size, schema=schema, name=name, parallelism=parallelism)

    def to_columns(self, schema: Any = None, *, name: str | None = None) -> "ColumnStream":
        """The records as columns: dictionaries, dataclasses and named tuples.

        ``schema``: a ``pyarrow.Schema``, or the dataclass, ``TypedDict`` or ``NamedTuple`` that says it by its
        annotations. Without, it is what the function before is annotated to return; else what the records are seen to
        have, widened as need be.
        """
        from sage_local.api.conversion import rows_to_columns

        return rows_to_columns(self._end, schema, name)

    def union(self, *others: "DataStream[U]") -> "DataStream[T_co | U]":
        """All records of this stream and of ``others``, in the order of their arrival."""
        for other in others:
            if not isinstance(other, DataStream):
                raise FunctionError(f"union() takes streams, found {other!r}")
            if other._end.program is not self._end.program:
                raise PlanError("union() takes streams of one environment, found streams of two")
        inputs = sum((other._end.unkeyed().inputs for other in others), self._end.unkeyed().inputs)
        return DataStream(Upstream(self._end.program, inputs))

    def rebalance(self) -> "DataStream[T_co]":
        """The same records dealt evenly to the subtasks of the next operator, in no order.

        The way out where one slow record must not hold back the others.
        """
        return DataStream(self._end.exchange(Exchange.REBALANCE))

    def broadcast(self) -> "DataStream[T_co]":
        """Every record to every subtask of the next operator."""
        return DataStream(self._end.exchange(Exchange.BROADCAST))

    def sink(
        self,
        function: Callable[[T_co], object] | SinkFunction[T_co] | BaseFunction,
        *,
        name: str | None = None,
        parallelism: int | None = None,
        on_error: OnError = "fail",
    ) -> DataStreamSink:
        """Hand each record to ``function``. A plain callable runs in one subtask unless ``parallelism`` is given."""
        bind(function, Role.SINK)
        return DataStreamSink(self._sink(function, name, parallelism, on_error))

    def _sink(self, function: Any, name: str | None, parallelism: int | None, on_error: OnError) -> Upstream:
        if isinstance(function, TwoPhaseCommitSink) and on_error != "fail":
            raise PlanError(
                f"{type(function).__name__} is a TwoPhaseCommitSink, of which no record can be left out once it is in"
                " a transaction: it takes no on_error"
            )
        operator = operators.Sink(
            name=operator_name(name, function, "sink"), key_selector=self._end.key_selector, function=function
        )
        return self._end.on(on_error).attach(operator, parallelism)

    def print(
        self, prefix: str = "", *, name: str | None = None, parallelism: int | None = None, on_error: OnError = "fail"
    ) -> DataStreamSink:
        """Write ``prefix + str(record)`` as a line to the caller's standard output, for each record in order."""
        if not isinstance(prefix, str):
            raise FunctionError(f"print() takes its prefix as text, found {prefix!r}")
        operator = operators.Print(
            name=operator_name(name, None, "print"), key_selector=self._end.key_selector, prefix=prefix
        )
        return DataStreamSink(self._end.on(on_error).attach(operator, parallelism))

    def collect(self, *, name: str | None = None) -> list[T_co]:
        """Run what this stream needs, and nothing else, and return its records in order.

        Blocks like ``submit``. Leaves no sink behind: a later ``submit`` does not collect again.
        """
        return collect(self._end, operator_name(name, None, "collect"))

    def _process(self, function: Any, name: str | None, parallelism: int | None, on_error: OnError) -> Upstream:
        bind_process(function, keyed=self._end.key_selector is not None)
        operator = operators.Process(
            name=operator_name(name, function, "process"), key_selector=self._end.key_selector, function=function
        )
        return self._end.on(on_error).attach(operator, parallelism).unkeyed()

    def _map(self, function: Any, name: str | None, parallelism: int | None, on_error: OnError) -> Upstream:
        bind(function, Role.MAP)
        operator = operators.Map(
            name=operator_name(name, function, "map"), key_selector=self._end.key_selector, function=function
        )
        return self._end.on(on_error).attach(operator, parallelism)

    def _filter(self, function: Any, name: str | None, parallelism: int | None, on_error: OnError) -> Upstream:
        bind(function, Role.FILTER)
        operator = operators.Filter(
            name=operator_name(name, function, "filter"), key_selector=self._end.key_selector, function=function
        )
        return self._end.on(on_error).attach(operator, parallelism)

    def _flat_map(self, function: Any, name: str | None, parallelism: int | None, on_error: OnError) -> Upstream:
        bind(function, Role.FLAT_MAP)
        operator = operators.FlatMap(
            name=operator_name(name, function, "flat_map"), key_selector=self._end.key_selector, function=function
        )
        return self._end.on(on_error).attach(operator, parallelism)

    if not TYPE_CHECKING:  # a type checker would take any name for an attribute

        def __getattr__(self, name):
            from sage_local.api.keyed import KeyedStream

            hint = ": call key_by() before" if hasattr(KeyedStream, name) else ""
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}{hint}", name=name, obj=self)
