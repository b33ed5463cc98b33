"""Streams in windows."""

from collections.abc import Callable, Iterable
from typing import Any, Generic, Self, TypeVar, overload

from sage_local.api.aggregated import AggregatedByKey
from sage_local.api.datastream import DataStream
from sage_local.api.windowing import Windowing, named_aggregates
from sage_local.functions import AggregateFunction, OutputTag, ReduceFunction
from sage_local.functions.aggregates import Count, Max, Mean, Min, Selector, Sum
from sage_local.functions.output_tag import OnError
from sage_local.functions.window import ProcessWindowFunction
from sage_local.windowing.duration import Duration
from sage_local.windowing.trigger import Trigger
from sage_local.windowing.windows import TimeWindow

T_co = TypeVar("T_co", covariant=True)
K_co = TypeVar("K_co", covariant=True)
U = TypeVar("U")
V = TypeVar("V")
ACC = TypeVar("ACC")


class _Windowed(Generic[T_co]):
    """What windows with and without keys share."""

    __slots__ = ("_windowing",)

    def __init__(self, windowing: Windowing) -> None:
        self._windowing = windowing

    def trigger(self, trigger: Trigger) -> Self:
        """Fire when ``trigger`` says so, in place of the windows' own way."""
        return type(self)(self._windowing.with_trigger(trigger))

    def allowed_lateness(self, lateness: Duration) -> Self:
        """Keep windows for ``lateness`` of event time after their end; each record that comes then fires them again."""
        return type(self)(self._windowing.with_lateness(lateness))

    def side_output_late_data(self, tag: OutputTag[Any]) -> Self:
        """Send records that are too late for all their windows to ``tag``, in place of dropping and counting them."""
        return type(self)(self._windowing.with_late_tag(tag))


class WindowedStream(_Windowed[T_co], AggregatedByKey[T_co, K_co], Generic[T_co, K_co]):
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
        function = named_aggregates(function, aggregates)
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

    def _aggregate(
        self, function: AggregateFunction[Any, Any, U], name: str, parallelism: int | None, on_error: OnError
    ) -> "DataStream[tuple[K_co, U]]":
        return DataStream(self._windowing.on(on_error).aggregate(function, None, name, parallelism))


class AllWindowedStream(_Windowed[T_co], Generic[T_co]):
    """Windows of all records: as ``WindowedStream``, without keys. Aggregates emit the bare result."""

    __slots__ = ()

    @overload
    def reduce(
        self,
        function: Callable[[T_co, T_co], T_co] | ReduceFunction[T_co],
        *,
        name: str | None = None,
        on_error: OnError = "fail",
    ) -> DataStream[T_co]: ...
    @overload
    def reduce(
        self,
        function: Callable[[T_co, T_co], T_co] | ReduceFunction[T_co],
        window_function: "ProcessWindowFunction[T_co, U, None] | Callable[[TimeWindow, list[T_co]], Iterable[U]]",
        *,
        name: str | None = None,
        on_error: OnError = "fail",
    ) -> DataStream[U]: ...
    def reduce(
        self, function: Any, window_function: Any = None, *, name: str | None = None, on_error: OnError = "fail"
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
        function = named_aggregates(function, aggregates)
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

    @overload
    def sum(self, value: None = None, *, name: str = "sum", on_error: OnError = "fail") -> DataStream[T_co]: ...
    @overload
    def sum(self, value: Callable[[T_co], U], *, name: str = "sum", on_error: OnError = "fail") -> DataStream[U]: ...
    @overload
    def sum(self, value: str | int, *, name: str = "sum", on_error: OnError = "fail") -> DataStream[Any]: ...
    def sum(self, value: Selector | None = None, *, name: str = "sum", on_error: OnError = "fail") -> DataStream[Any]:
        """The sum of the records, or of the ``value`` of each (see ``Selector``)."""
        return self.aggregate(Sum(value), name=name, on_error=on_error)

    @overload
    def min(self, value: None = None, *, name: str = "min", on_error: OnError = "fail") -> DataStream[T_co]: ...
    @overload
    def min(self, value: Callable[[T_co], U], *, name: str = "min", on_error: OnError = "fail") -> DataStream[U]: ...
    @overload
    def min(self, value: str | int, *, name: str = "min", on_error: OnError = "fail") -> DataStream[Any]: ...
    def min(self, value: Selector | None = None, *, name: str = "min", on_error: OnError = "fail") -> DataStream[Any]:
        """The least record, or the least ``value``."""
        return self.aggregate(Min(value), name=name, on_error=on_error)

    @overload
    def max(self, value: None = None, *, name: str = "max", on_error: OnError = "fail") -> DataStream[T_co]: ...
    @overload
    def max(self, value: Callable[[T_co], U], *, name: str = "max", on_error: OnError = "fail") -> DataStream[U]: ...
    @overload
    def max(self, value: str | int, *, name: str = "max", on_error: OnError = "fail") -> DataStream[Any]: ...
    def max(self, value: Selector | None = None, *, name: str = "max", on_error: OnError = "fail") -> DataStream[Any]:
        """The greatest record, or the greatest ``value``."""
        return self.aggregate(Max(value), name=name, on_error=on_error)

    def mean(self, value: Selector | None = None, *, name: str = "mean", on_error: OnError = "fail") -> DataStream[Any]:
        """The arithmetic mean of the records, or of the ``value`` of each."""
        return self.aggregate(Mean(value), name=name, on_error=on_error)
