"""Several streams into one operator: one function sees the records of each apart, and can keep state for all."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Generic, TypeVar

from sage_local.api.datastream import DataStream
from sage_local.api.names import operator_name
from sage_local.api.program import StaysHere
from sage_local.api.upstream import Upstream
from sage_local.errors import PlanError
from sage_local.functions import (
    BroadcastProcessFunction,
    CoFlatMapFunction,
    CoMapFunction,
    CoProcessFunction,
    KeySelector,
    Role,
    bind,
)
from sage_local.functions.co_shape import CoShape
from sage_local.functions.output_tag import OnError, check_on_error
from sage_local.functions.process_binding import bind_connected
from sage_local.plan.graph import Exchange, Input
from sage_local.plan.operators import Connected

A_co = TypeVar("A_co", covariant=True)
B_co = TypeVar("B_co", covariant=True)
U = TypeVar("U")


class ConnectedStreams(StaysHere, Generic[A_co, B_co]):
    """Streams whose records one function takes apart, each by a hook of its own; made by ``connect``.

    Hooks are numbered from 1: ``map1`` and ``map2`` for two streams, ``map3`` and so on for more.
    """

    __slots__ = ("_ends",)

    def __init__(self, ends: tuple[Upstream, ...]) -> None:
        _check_connectable(ends)
        self._ends = ends

    def key_by(self, *selectors: Callable[[Any], Any] | KeySelector[Any, Any]) -> "ConnectedStreams[A_co, B_co]":
        """Bring records of equal keys together, from all the streams: a selector for each, or one for all."""
        return ConnectedStreams(_keyed_ends(self._ends, [bind(selector, Role.KEY) for selector in selectors]))

    def map(
        self,
        function: CoMapFunction[A_co, B_co, U],
        *,
        name: str | None = None,
        parallelism: int | None = None,
        on_error: OnError = "fail",
    ) -> DataStream[U]:
        """Put ``map1(record)`` or ``map2(record)`` in the place of each record."""
        return DataStream(_attach_connected(self._ends, function, CoShape.MAP, name, parallelism, on_error))

    def flat_map(
        self,
        function: CoFlatMapFunction[A_co, B_co, U],
        *,
        name: str | None = None,
        parallelism: int | None = None,
        on_error: OnError = "fail",
    ) -> DataStream[U]:
        """Put all that ``flat_map1(record)`` or ``flat_map2(record)`` yields in the place of each record."""
        return DataStream(_attach_connected(self._ends, function, CoShape.FLAT_MAP, name, parallelism, on_error))

    def process(
        self,
        function: CoProcessFunction[A_co, B_co, U] | BroadcastProcessFunction[A_co, B_co, U],
        *,
        name: str | None = None,
        parallelism: int | None = None,
        on_error: OnError = "fail",
    ) -> DataStream[U]:
        """Put what ``process1(record, ctx)`` or ``process2(record, ctx)`` yields in the place of each record."""
        return DataStream(_attach_connected(self._ends, function, CoShape.PROCESS, name, parallelism, on_error))


def _attach_connected(
    ends: Sequence[Upstream],
    function: Any,
    shape: CoShape,
    name: str | None,
    parallelism: int | None,
    on_error: OnError,
) -> Upstream:
    """Declare an operator that reads from all of ``ends``, each as an input of its own."""
    shape = _checked_shape(ends, function, shape)
    bind_connected(function, shape, len(ends))
    selectors = tuple(end.key_selector for end in ends)
    operator = Connected(
        name=operator_name(name, function, shape.value),
        on_error=check_on_error(on_error),
        function=function,
        shape=shape,
        key_selectors=selectors,
    )
    _check_keys(ends, operator)
    node = ends[0].program.add(operator, _inputs(ends), _parallelism(ends, operator, parallelism))
    return Upstream(ends[0].program, (Input(node.id),))


def _check_connectable(ends: Sequence[Upstream]) -> None:
    """Raise where streams can not be put together at all."""
    if any(end.program is not ends[0].program for end in ends):
        raise PlanError("connect() takes streams of one environment, found streams of two")


def _keyed_ends(ends: Sequence[Upstream], selectors: Sequence[Callable[[Any], Any]]) -> tuple[Upstream, ...]:
    """``ends`` keyed by ``selectors``, one for each or one for all."""
    if len(selectors) == 1:
        selectors = [selectors[0]] * len(ends)
    if len(selectors) != len(ends):
        raise PlanError(
            f"key_by() of {len(ends)} connected streams takes a key selector for each, or one for all;"
            f" found {len(selectors)}"
        )
    return tuple(end.exchange(Exchange.HASH, selector) for end, selector in zip(ends, selectors, strict=True))


def _inputs(ends: Sequence[Upstream]) -> tuple[Input, ...]:
    return tuple(replace(source, index=index) for index, end in enumerate(ends) for source in end.inputs)


def _is_broadcast(end: Upstream) -> bool:
    return all(source.exchange is Exchange.BROADCAST for source in end.inputs)


def _checked_shape(ends: Sequence[Upstream], function: Any, shape: CoShape) -> CoShape:
    """The broadcast pattern is asked for by its function, and needs the second of two streams to be broadcast."""
    if shape is not CoShape.PROCESS or not isinstance(function, BroadcastProcessFunction):
        return shape
    if len(ends) != 2 or not _is_broadcast(ends[1]) or _is_broadcast(ends[0]):
        raise PlanError(
            f"{type(function).__name__} is a BroadcastProcessFunction: it takes one stream connected with one that is"
            " broadcast, stream.connect(other.broadcast()).process(...)"
        )
    return CoShape.BROADCAST


def _check_keys(ends: Sequence[Upstream], operator: Connected) -> None:
    """Either all streams that are not broadcast have keys, or none."""
    keyed = {end.key_selector is not None for end in ends if not _is_broadcast(end)}
    if len(keyed) > 1:
        raise PlanError(
            f"operator {operator.name!r} connects a keyed stream with one without keys: call key_by() on both, or"
            " broadcast() on the other"
        )


def _parallelism(ends: Sequence[Upstream], operator: Connected, asked: int | None) -> int | None:
    """Where one of the streams is partitioned by key already, the operator has that parallelism."""
    partitioned = [end for end in ends if end.partitioned]
    agreed = {end.resolved_parallelism(operator, asked) for end in partitioned}
    if len(agreed) > 1:
        raise PlanError(
            f"operator {operator.name!r} connects streams whose keys are partitioned at different parallelism"
            f" ({', '.join(str(each or 'the default') for each in agreed)}): call key_by() again on them"
        )
    return agreed.pop() if agreed else ends[0].resolved_parallelism(operator, asked)
