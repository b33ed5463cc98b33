"""Streams: what operators are applied to. Building them runs nothing."""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar, overload

from sage_local.api.connected import attach_connected, check_connectable, keyed_ends
from sage_local.api.names import operator_name
from sage_local.api.program import StaysHere
from sage_local.api.submission import collect
from sage_local.api.upstream import Upstream
from sage_local.errors import FunctionError, PlanError
from sage_local.functions import (
    AggregateFunction,
    BaseFunction,
    BroadcastProcessFunction,
    CoFlatMapFunction,
    CoMapFunction,
    CoProcessFunction,
    FilterFunction,
    FlatMapFunction,
    KeyedProcessContext,
    KeyedProcessFunction,
    KeySelector,
    MapFunction,
    OutputTag,
    ProcessContext,
    ProcessFunction,
    ReduceFunction,
    Role,
    SinkFunction,
    TwoPhaseCommitSink,
    bind,
)
from sage_local.functions.aggregates import Count, Max, Mean, Min, Selector, Sum
from sage_local.functions.binding import refuse_class
from sage_local.functions.co_shape import CoShape
from sage_local.functions.output_tag import OnError
from sage_local.functions.process_binding import bind_process
from sage_local.plan import operators
from sage_local.plan.graph import Exchange

if TYPE_CHECKING:
    from sage_local.api.columns import ColumnStream

    # Not at run time: programs without event time and windows should start as fast as if there were none.
    from sage_local.api.windowed import Windowing
    from sage_local.functions.window import ProcessWindowFunction
    from sage_local.windowing.assigner import WindowAssigner
    from sage_local.windowing.duration import Duration
    from sage_local.windowing.trigger import Trigger
    from sage_local.windowing.watermarks import WatermarkStrategy
    from sage_local.windowing.windows import TimeWindow

T_co = TypeVar("T_co", covariant=True)
K_co = TypeVar("K_co", covariant=True)
A_co = TypeVar("A_co", covariant=True)
B_co = TypeVar("B_co", covariant=True)
U = TypeVar("U")
V = TypeVar("V")
K = TypeVar("K")
ACC = TypeVar("ACC")


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
        self, strategy: "WatermarkStrategy[T_co]", *, name: str | None = None, parallelism: int | None = None
    ) -> "DataStream[T_co]":
        """Give every record its event time, and the stream its watermarks.

        Directly behind a source it runs with the source, and tells the time of each split by itself.
        """
        from sage_local.api.windowed import assign_timestamps

        return DataStream(assign_timestamps(self._end, strategy, name, parallelism).unkeyed())

    def window_all(self, assigner: "WindowAssigner") -> "AllWindowedStream[T_co]":
        """Put all records, whatever their keys, into the same windows: one subtask computes them."""
        from sage_local.api.windowed import time_windows

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
        if isinstance(function, TwoPhaseCommitSink) and on_error != "fail":
            raise PlanError(
                f"{type(function).__name__} is a TwoPhaseCommitSink, of which no record can be left out once it is in"
                " a transaction: it takes no on_error"
            )
        operator = operators.Sink(
            name=operator_name(name, function, "sink"), key_selector=self._end.key_selector, function=function
        )
        return DataStreamSink(self._end.on(on_error).attach(operator, parallelism))

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
            hint = ": call key_by() before" if name in vars(KeyedStream) else ""
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}{hint}", name=name, obj=self)


class ConnectedStreams(StaysHere, Generic[A_co, B_co]):
    """Streams whose records one function takes apart, each by a hook of its own; made by ``connect``.

    Hooks are numbered from 1: ``map1`` and ``map2`` for two streams, ``map3`` and so on for more.
    """

    __slots__ = ("_ends",)

    def __init__(self, ends: tuple[Upstream, ...]) -> None:
        check_connectable(ends)
        self._ends = ends

    def key_by(self, *selectors: Callable[[Any], Any] | KeySelector[Any, Any]) -> "ConnectedStreams[A_co, B_co]":
        """Bring records of equal keys together, from all the streams: a selector for each, or one for all."""
        return ConnectedStreams(keyed_ends(self._ends, [bind(selector, Role.KEY) for selector in selectors]))

    def map(
        self,
        function: CoMapFunction[A_co, B_co, U],
        *,
        name: str | None = None,
        parallelism: int | None = None,
        on_error: OnError = "fail",
    ) -> DataStream[U]:
        """Put ``map1(record)`` or ``map2(record)`` in the place of each record."""
        return DataStream(attach_connected(self._ends, function, CoShape.MAP, name, parallelism, on_error))

    def flat_map(
        self,
        function: CoFlatMapFunction[A_co, B_co, U],
        *,
        name: str | None = None,
        parallelism: int | None = None,
        on_error: OnError = "fail",
    ) -> DataStream[U]:
        """Put all that ``flat_map1(record)`` or ``flat_map2(record)`` yields in the place of each record."""
        return DataStream(attach_connected(self._ends, function, CoShape.FLAT_MAP, name, parallelism, on_error))

    def process(
        self,
        function: CoProcessFunction[A_co, B_co, U] | BroadcastProcessFunction[A_co, B_co, U],
        *,
        name: str | None = None,
        parallelism: int | None = None,
        on_error: OnError = "fail",
    ) -> DataStream[U]:
        """Put what ``process1(record, ctx)`` or ``process2(record, ctx)`` yields in the place of each record."""
        return DataStream(attach_connected(self._ends, function, CoShape.PROCESS, name, parallelism, on_error))


class KeyedStream(DataStream[T_co], Generic[T_co, K_co]):
    """A stream partitioned by key. ``map``, ``filter`` and ``flat_map`` keep the keys that its records came with."""

    __slots__ = ()

    @overload
    def map(
        self,
        function: Callable[[T_co], U] | MapFunction[T_co, U],
        *,
        name: str | None = None,
        parallelism: int | None = None,
        on_error: OnError = "fail",
    ) -> "KeyedStream[U, K_co]": ...
    @overload
    def map(
        self,
        function: BaseFunction,
        *,
        name: str | None = None,
        parallelism: int | None = None,
        on_error: OnError = "fail",
    ) -> "KeyedStream[Any, K_co]": ...
    def map(
        self, function: Any, *, name: str | None = None, parallelism: int | None = None, on_error: OnError = "fail"
    ) -> "KeyedStream[Any, K_co]":
        """As on any stream; each key is seen in one subtask, in order."""
        return KeyedStream(self._map(function, name, parallelism, on_error))

    def filter(
        self,
        function: Callable[[T_co], object] | FilterFunction[T_co] | BaseFunction,
        *,
        name: str | None = None,
        parallelism: int | None = None,
        on_error: OnError = "fail",
    ) -> "KeyedStream[T_co, K_co]":
        """As on any stream; each key is seen in one subtask, in order."""
        return KeyedStream(self._filter(function, name, parallelism, on_error))

    @overload
    def flat_map(
        self,
        function: Callable[[T_co], Iterable[U]] | FlatMapFunction[T_co, U],
        *,
        name: str | None = None,
        parallelism: int | None = None,
        on_error: OnError = "fail",
    ) -> "KeyedStream[U, K_co]": ...
    @overload
    def flat_map(
        self,
        function: BaseFunction,
        *,
        name: str | None = None,
        parallelism: int | None = None,
        on_error: OnError = "fail",
    ) -> "KeyedStream[Any, K_co]": ...
    def flat_map(
        self, function: Any, *, name: str | None = None, parallelism: int | None = None, on_error: OnError = "fail"
    ) -> "KeyedStream[Any, K_co]":
        """As on any stream; what comes of a record has its key."""
        return KeyedStream(self._flat_map(function, name, parallelism, on_error))

    @overload
    def process(
        self,
        function: KeyedProcessFunction[K_co, T_co, U] | ProcessFunction[T_co, U],
        *,
        name: str | None = None,
        parallelism: int | None = None,
        on_error: OnError = "fail",
    ) -> DataStream[U]: ...
    @overload
    def process(
        self,
        function: Callable[[T_co, KeyedProcessContext[K_co]], Iterable[Any] | None],
        *,
        name: str | None = None,
        parallelism: int | None = None,
        on_error: OnError = "fail",
    ) -> DataStream[Any]: ...
    def process(
        self, function: Any, *, name: str | None = None, parallelism: int | None = None, on_error: OnError = "fail"
    ) -> DataStream[Any]:
        """As on any stream, with state and timers of each record's key for a ``KeyedProcessFunction``."""
        return DataStream(self._process(function, name, parallelism, on_error))

    def window(self, assigner: "WindowAssigner") -> "WindowedStream[T_co, K_co]":
        """Put the records of each key into windows."""
        from sage_local.api.windowed import time_windows

        return WindowedStream(time_windows(self._end, assigner, is_keyed=True))

    def count_window(self, size: int, slide: int | None = None) -> "WindowedStream[T_co, K_co]":
        """Put the records of each key into windows of ``size``, or the latest ``size`` after every ``slide``.

        A window that is not full at the end of input does not fire.
        """
        from sage_local.api.windowed import count_windows

        return WindowedStream(count_windows(self._end, size, slide))

    def reduce(
        self,
        function: Callable[[T_co, T_co], T_co] | ReduceFunction[T_co],
        *,
        name: str | None = None,
        parallelism: int | None = None,
        on_error: OnError = "fail",
    ) -> DataStream[T_co]:
        """Fold the records of each key with ``function(so_far, record)``; emits what the fold has.

        At every record, or in batch mode once per key at the end of input; so do all aggregates.
        """
        bind(function, Role.REDUCE)
        operator = operators.Reduce(
            name=operator_name(name, function, "reduce"), key_selector=self._end.key_selector, function=function
        )
        return DataStream(self._end.on(on_error).attach(operator, parallelism).unkeyed())

    def aggregate(
        self,
        function: AggregateFunction[T_co, ACC, U],
        *,
        name: str | None = None,
        parallelism: int | None = None,
        on_error: OnError = "fail",
    ) -> "DataStream[tuple[K_co, U]]":
        """Fold the records of each key into an accumulator; emits ``(key, result)``."""
        refuse_class(function, "aggregate", AggregateFunction)
        operator = operators.Aggregate(
            name=operator_name(name, function, "aggregate"), key_selector=self._end.key_selector, function=function
        )
        return DataStream(self._end.on(on_error).attach(operator, parallelism).unkeyed())

    def count(
        self, *, name: str = "count", parallelism: int | None = None, on_error: OnError = "fail"
    ) -> "DataStream[tuple[K_co, int]]":
        """The number of records: emits ``(key, number)``."""
        return self.aggregate(Count(), name=name, parallelism=parallelism, on_error=on_error)

    @overload
    def sum(
        self, value: None = None, *, name: str = "sum", parallelism: int | None = None, on_error: OnError = "fail"
    ) -> "DataStream[tuple[K_co, T_co]]": ...
    @overload
    def sum(
        self,
        value: Callable[[T_co], U],
        *,
        name: str = "sum",
        parallelism: int | None = None,
        on_error: OnError = "fail",
    ) -> "DataStream[tuple[K_co, U]]": ...
    @overload
    def sum(
        self, value: str | int, *, name: str = "sum", parallelism: int | None = None, on_error: OnError = "fail"
    ) -> "DataStream[tuple[K_co, Any]]": ...
    def sum(
        self,
        value: Selector | None = None,
        *,
        name: str = "sum",
        parallelism: int | None = None,
        on_error: OnError = "fail",
    ) -> "DataStream[tuple[K_co, Any]]":
        """The sum of the records, or of the ``value`` of each (see ``Selector``): emits ``(key, sum)``."""
        return self.aggregate(Sum(value), name=name, parallelism=parallelism, on_error=on_error)

    @overload
    def min(
        self, value: None = None, *, name: str = "min", parallelism: int | None = None, on_error: OnError = "fail"
    ) -> "DataStream[tuple[K_co, T_co]]": ...
    @overload
    def min(
        self,
        value: Callable[[T_co], U],
        *,
        name: str = "min",
        parallelism: int | None = None,
        on_error: OnError = "fail",
    ) -> "DataStream[tuple[K_co, U]]": ...
    @overload
    def min(
        self, value: str | int, *, name: str = "min", parallelism: int | None = None, on_error: OnError = "fail"
    ) -> "DataStream[tuple[K_co, Any]]": ...
    def min(
        self,
        value: Selector | None = None,
        *,
        name: str = "min",
        parallelism: int | None = None,
        on_error: OnError = "fail",
    ) -> "DataStream[tuple[K_co, Any]]":
        """The least record, or the least ``value``: emits ``(key, least)``."""
        return self.aggregate(Min(value), name=name, parallelism=parallelism, on_error=on_error)

    @overload
    def max(
        self, value: None = None, *, name: str = "max", parallelism: int | None = None, on_error: OnError = "fail"
    ) -> "DataStream[tuple[K_co, T_co]]": ...
    @overload
    def max(
        self,
        value: Callable[[T_co], U],
        *,
        name: str = "max",
        parallelism: int | None = None,
        on_error: OnError = "fail",
    ) -> "DataStream[tuple[K_co, U]]": ...
    @overload
    def max(
        self, value: str | int, *, name: str = "max", parallelism: int | None = None, on_error: OnError = "fail"
    ) -> "DataStream[tuple[K_co, Any]]": ...
    def max(
        self,
        value: Selector | None = None,
        *,
        name: str = "max",
        parallelism: int | None = None,
        on_error: OnError = "fail",
    ) -> "DataStream[tuple[K_co, Any]]":
        """The greatest record, or the greatest ``value``: emits ``(key, greatest)``."""
        return self.aggregate(Max(value), name=name, parallelism=parallelism, on_error=on_error)

    def mean(
        self,
        value: Callable[[T_co], Any] | str | int | None = None,
        *,
        name: str = "mean",
        parallelism: int | None = None,
        on_error: OnError = "fail",
    ) -> "DataStream[tuple[K_co, Any]]":
        """The arithmetic mean of the records, or of the ``value`` of each: emits ``(key, mean)``."""
        return self.aggregate(Mean(value), name=name, parallelism=parallelism, on_error=on_error)


class _Windowed(Generic[T_co]):
    """What windows with and without keys share."""

    __slots__ = ("_windowing",)

    def __init__(self, windowing: "Windowing") -> None:
        self._windowing = windowing

    def trigger(self, trigger: "Trigger") -> Self:
        """Fire when ``trigger`` says so, in place of the windows' own way."""
        return type(self)(self._windowing.with_trigger(trigger))

    def allowed_lateness(self, lateness: "Duration") -> Self:
        """Keep windows for ``lateness`` of event time after their end; each record that comes then fires them again."""
        return type(self)(self._windowing.with_lateness(lateness))

    def side_output_late_data(self, tag: OutputTag[Any]) -> Self:
        """Send records that are too late for all their windows to ``tag``, in place of dropping and counting them."""
        return type(self)(self._windowing.with_late_tag(tag))


class WindowedStream(_Windowed[T_co], Generic[T_co, K_co]):
    """The windows of each key. Results have the last millisecond of their window for their timestamp."""

    __slots__ = ()

    @overload
    def reduce(
        self,
        function: Callable[[T_co, T_co], T_co] | ReduceFunction[T_co],
        *,
        name: str | None = None,
        parallelism: int | None = None,
        on_error: OnError = "fail",
    ) -> DataStream[T_co]: ...
    @overload
    def reduce(
        self,
        function: Callable[[T_co, T_co], T_co] | ReduceFunction[T_co],
        window_function: "ProcessWindowFunction[T_co, U, K_co] | Callable[[K_co, TimeWindow, list[T_co]], Iterable[U]]",
        *,
        name: str | None = None,
        parallelism: int | None = None,
        on_error: OnError = "fail",
    ) -> DataStream[U]: ...
    def reduce(
        self,
        function: Any,
        window_function: Any = None,
        *,
        name: str | None = None,
        parallelism: int | None = None,
        on_error: OnError = "fail",
    ) -> DataStream[Any]:
        """Fold the records of a window with ``function(so_far, record)``, which must be associative; emits the fold.

        ``window_function`` is shown the key, the window and a list of the one result, and says what is emitted instead.
        """
        return DataStream(self._windowing.on(on_error).reduce(function, window_function, name, parallelism))

    @overload
    def aggregate(
        self,
        function: AggregateFunction[T_co, ACC, U],
        /,
        *,
        name: str | None = None,
        parallelism: int | None = None,
        on_error: OnError = "fail",
    ) -> "DataStream[tuple[K_co, U]]": ...
    @overload
    def aggregate(
        self,
        function: AggregateFunction[T_co, ACC, U],
        window_function: "ProcessWindowFunction[U, V, K_co] | Callable[[K_co, TimeWindow, list[U]], Iterable[V]]",
        /,
        *,
        name: str | None = None,
        parallelism: int | None = None,
        on_error: OnError = "fail",
    ) -> "DataStream[V]": ...
    @overload
    def aggregate(
        self,
        /,
        *,
        name: str | None = None,
        parallelism: int | None = None,
        on_error: OnError = "fail",
        **aggregates: AggregateFunction[T_co, Any, Any],
    ) -> "DataStream[tuple[K_co, dict[str, Any]]]": ...
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
    ) -> DataStream[Any]:
        """Fold the records of a window into an accumulator; emits ``(key, result)``.

        Several at once by name: ``aggregate(total=Sum("price"), n=Count())`` results in a ``dict`` of these names.
        """
        function = _named_aggregates(function, aggregates)
        return DataStream(self._windowing.on(on_error).aggregate(function, window_function, name, parallelism))

    def process(
        self,
        function: "ProcessWindowFunction[T_co, U, K_co]",
        *,
        name: str | None = None,
        parallelism: int | None = None,
        on_error: OnError = "fail",
    ) -> DataStream[U]:
        """Emit what ``function.process(key, context, records)`` yields for each window that fires."""
        return DataStream(self._windowing.on(on_error).process(function, name, parallelism))

    def apply(
        self,
        function: "Callable[[K_co, TimeWindow, list[T_co]], Iterable[U]]",
        *,
        name: str | None = None,
        parallelism: int | None = None,
        on_error: OnError = "fail",
    ) -> DataStream[U]:
        """Emit what ``function(key, window, records)`` returns or yields for each window that fires."""
        return DataStream(self._windowing.on(on_error).apply(function, name, parallelism))

    def count(
        self, *, name: str = "count", parallelism: int | None = None, on_error: OnError = "fail"
    ) -> "DataStream[tuple[K_co, int]]":
        """The number of records: emits ``(key, number)``."""
        return self.aggregate(Count(), name=name, parallelism=parallelism, on_error=on_error)

    def sum(
        self,
        value: Selector | None = None,
        *,
        name: str = "sum",
        parallelism: int | None = None,
        on_error: OnError = "fail",
    ) -> "DataStream[tuple[K_co, Any]]":
        """The sum of the records, or of the ``value`` of each (see ``Selector``): emits ``(key, sum)``."""
        return self.aggregate(Sum(value), name=name, parallelism=parallelism, on_error=on_error)

    def min(
        self,
        value: Selector | None = None,
        *,
        name: str = "min",
        parallelism: int | None = None,
        on_error: OnError = "fail",
    ) -> "DataStream[tuple[K_co, Any]]":
        """The least record, or the least ``value``: emits ``(key, least)``."""
        return self.aggregate(Min(value), name=name, parallelism=parallelism, on_error=on_error)

    def max(
        self,
        value: Selector | None = None,
        *,
        name: str = "max",
        parallelism: int | None = None,
        on_error: OnError = "fail",
    ) -> "DataStream[tuple[K_co, Any]]":
        """The greatest record, or the greatest ``value``: emits ``(key, greatest)``."""
        return self.aggregate(Max(value), name=name, parallelism=parallelism, on_error=on_error)

    def mean(
        self,
        value: Selector | None = None,
        *,
        name: str = "mean",
        parallelism: int | None = None,
        on_error: OnError = "fail",
    ) -> "DataStream[tuple[K_co, Any]]":
        """The arithmetic mean of the records, or of the ``value`` of each: emits ``(key, mean)``."""
        return self.aggregate(Mean(value), name=name, parallelism=parallelism, on_error=on_error)


class AllWindowedStream(_Windowed[T_co], Generic[T_co]):
    """Windows of all records: as ``WindowedStream``, without keys. Aggregates emit the bare result."""

    __slots__ = ()

    def reduce(
        self,
        function: Callable[[T_co, T_co], T_co] | ReduceFunction[T_co],
        window_function: "ProcessWindowFunction[T_co, Any, None] | Callable[[TimeWindow, list[T_co]], Any] | None" = None,  # noqa: E501  # one type
        *,
        name: str | None = None,
        on_error: OnError = "fail",
    ) -> DataStream[Any]:
        """Fold the records of a window with ``function(so_far, record)``; emits the fold."""
        return DataStream(self._windowing.on(on_error).reduce(function, window_function, name, None))

    @overload
    def aggregate(
        self, function: AggregateFunction[T_co, ACC, U], /, *, name: str | None = None, on_error: OnError = "fail"
    ) -> "DataStream[U]": ...
    @overload
    def aggregate(
        self,
        function: AggregateFunction[T_co, ACC, U],
        window_function: "ProcessWindowFunction[U, V, None] | Callable[[TimeWindow, list[U]], Iterable[V]]",
        /,
        *,
        name: str | None = None,
        on_error: OnError = "fail",
    ) -> "DataStream[V]": ...
    @overload
    def aggregate(
        self, /, *, name: str | None = None, on_error: OnError = "fail", **aggregates: AggregateFunction[T_co, Any, Any]
    ) -> "DataStream[dict[str, Any]]": ...
    def aggregate(
        self,
        function: Any = None,
        window_function: Any = None,
        /,
        *,
        name: str | None = None,
        on_error: OnError = "fail",
        **aggregates: Any,
    ) -> DataStream[Any]:
        """Fold the records of a window into an accumulator, or into several by name; emits the result."""
        function = _named_aggregates(function, aggregates)
        return DataStream(self._windowing.on(on_error).aggregate(function, window_function, name, None))

    def process(
        self, function: "ProcessWindowFunction[T_co, U, None]", *, name: str | None = None, on_error: OnError = "fail"
    ) -> DataStream[U]:
        """Emit what ``function.process(None, context, records)`` yields for each window that fires."""
        return DataStream(self._windowing.on(on_error).process(function, name, None))

    def apply(
        self,
        function: "Callable[[TimeWindow, list[T_co]], Iterable[U]]",
        *,
        name: str | None = None,
        on_error: OnError = "fail",
    ) -> DataStream[U]:
        """Emit what ``function(window, records)`` returns or yields for each window that fires."""
        return DataStream(self._windowing.on(on_error).apply(function, name, None))

    def count(self, *, name: str = "count", on_error: OnError = "fail") -> DataStream[int]:
        """The number of records."""
        return self.aggregate(Count(), name=name, on_error=on_error)

    def sum(self, value: Selector | None = None, *, name: str = "sum", on_error: OnError = "fail") -> DataStream[Any]:
        """The sum of the records, or of the ``value`` of each (see ``Selector``)."""
        return self.aggregate(Sum(value), name=name, on_error=on_error)

    def min(self, value: Selector | None = None, *, name: str = "min", on_error: OnError = "fail") -> DataStream[Any]:
        """The least record, or the least ``value``."""
        return self.aggregate(Min(value), name=name, on_error=on_error)

    def max(self, value: Selector | None = None, *, name: str = "max", on_error: OnError = "fail") -> DataStream[Any]:
        """The greatest record, or the greatest ``value``."""
        return self.aggregate(Max(value), name=name, on_error=on_error)

    def mean(self, value: Selector | None = None, *, name: str = "mean", on_error: OnError = "fail") -> DataStream[Any]:
        """The arithmetic mean of the records, or of the ``value`` of each."""
        return self.aggregate(Mean(value), name=name, on_error=on_error)


def _named_aggregates(function: Any, aggregates: dict[str, Any]) -> Any:
    from sage_local.api.windowed import named_aggregates

    return named_aggregates(function, aggregates)
