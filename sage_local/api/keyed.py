"""Streams partitioned by key."""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Generic, TypeVar, overload

from sage_local.api.aggregated import AggregatedByKey
from sage_local.api.datastream import DataStream
from sage_local.api.names import operator_name
from sage_local.functions import (
    AggregateFunction,
    BaseFunction,
    FilterFunction,
    FlatMapFunction,
    KeyedProcessContext,
    KeyedProcessFunction,
    MapFunction,
    ProcessFunction,
    ReduceFunction,
    Role,
    bind,
)
from sage_local.functions.binding import refuse_class
from sage_local.functions.output_tag import OnError
from sage_local.plan import operators

if TYPE_CHECKING:
    # Not at run time: programs without windows should start as fast as if there were none.
    from sage_local.api.windowed import WindowedStream
    from sage_local.windowing.assigner import WindowAssigner

T_co = TypeVar("T_co", covariant=True)
K_co = TypeVar("K_co", covariant=True)
U = TypeVar("U")
V = TypeVar("V")
ACC = TypeVar("ACC")


class KeyedStream(DataStream[T_co], AggregatedByKey[T_co, K_co], Generic[T_co, K_co]):
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
        from sage_local.api.windowed import WindowedStream
        from sage_local.api.windowing import time_windows

        return WindowedStream(time_windows(self._end, assigner, is_keyed=True))

    def count_window(self, size: int, slide: int | None = None) -> "WindowedStream[T_co, K_co]":
        """Put the records of each key into windows of ``size``, or the latest ``size`` after every ``slide``.

        A window that is not full at the end of input does not fire.
        """
        from sage_local.api.windowed import WindowedStream
        from sage_local.api.windowing import count_windows

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
        return self._aggregate(function, operator_name(name, function, "aggregate"), parallelism, on_error)

    def _aggregate(
        self, function: AggregateFunction[Any, Any, U], name: str, parallelism: int | None, on_error: OnError
    ) -> "DataStream[tuple[K_co, U]]":
        operator = operators.Aggregate(name=name, key_selector=self._end.key_selector, function=function)
        return DataStream(self._end.on(on_error).attach(operator, parallelism).unkeyed())
