"""The built-in aggregates of what is partitioned by key."""

from abc import abstractmethod
from collections.abc import Callable
from typing import Any, Generic, TypeVar, overload

from sage_local.api.datastream import DataStream
from sage_local.functions import AggregateFunction
from sage_local.functions.aggregates import Count, Max, Mean, Min, Selector, Sum
from sage_local.functions.output_tag import OnError

T_co = TypeVar("T_co", covariant=True)
K_co = TypeVar("K_co", covariant=True)
U = TypeVar("U")


class AggregatedByKey(Generic[T_co, K_co]):
    """Of a keyed stream, record by record; of its windows, when they fire."""

    __slots__ = ()

    @abstractmethod
    def _aggregate(
        self, function: AggregateFunction[Any, Any, U], name: str, parallelism: int | None, on_error: OnError
    ) -> "DataStream[tuple[K_co, U]]": ...

    def count(
        self, *, name: str = "count", parallelism: int | None = None, on_error: OnError = "fail"
    ) -> "DataStream[tuple[K_co, int]]":
        """The number of records: emits ``(key, number)``."""
        return self._aggregate(Count(), name, parallelism, on_error)

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
        return self._aggregate(Sum(value), name, parallelism, on_error)

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
        return self._aggregate(Min(value), name, parallelism, on_error)

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
        return self._aggregate(Max(value), name, parallelism, on_error)

    def mean(
        self,
        value: Callable[[T_co], Any] | str | int | None = None,
        *,
        name: str = "mean",
        parallelism: int | None = None,
        on_error: OnError = "fail",
    ) -> "DataStream[tuple[K_co, Any]]":
        """The arithmetic mean of the records, or of the ``value`` of each: emits ``(key, mean)``."""
        return self._aggregate(Mean(value), name, parallelism, on_error)
