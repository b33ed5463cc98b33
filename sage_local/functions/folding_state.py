"""Descriptors of state that folds what is added to it.

Apart from the others because they know function classes, which know the context, which knows descriptors.
"""

from collections.abc import Callable
from typing import Generic, TypeVar

from sage_local.errors import StateError
from sage_local.functions.folds import AggregateFunction, ReduceFunction
from sage_local.functions.state import AggregatingState, ReducingState, StateDescriptor
from sage_local.functions.ttl import StateTtlConfig

T = TypeVar("T")
IN = TypeVar("IN")
ACC = TypeVar("ACC")
OUT = TypeVar("OUT")


class ReducingStateDescriptor(StateDescriptor[ReducingState[T]], Generic[T]):
    """Describes a ``ReducingState``: ``reduce(so_far, value)`` folds."""

    def __init__(
        self, name: str, reduce: Callable[[T, T], T] | ReduceFunction[T], *, ttl: StateTtlConfig | None = None
    ) -> None:
        super().__init__(name, ttl=ttl)
        if not callable(reduce) and not isinstance(reduce, ReduceFunction):
            raise StateError(f"reduce of state {name!r} must be a function of two values, found {reduce!r}")
        self.reduce = reduce


class AggregatingStateDescriptor(StateDescriptor[AggregatingState[IN, OUT]], Generic[IN, ACC, OUT]):
    """Describes an ``AggregatingState``."""

    def __init__(
        self, name: str, aggregate: AggregateFunction[IN, ACC, OUT], *, ttl: StateTtlConfig | None = None
    ) -> None:
        super().__init__(name, ttl=ttl)
        if not isinstance(aggregate, AggregateFunction):
            raise StateError(f"aggregate of state {name!r} must be an AggregateFunction, found {aggregate!r}")
        self.aggregate = aggregate
