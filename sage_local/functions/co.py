"""Functions of connected streams: a hook per input, all in one instance, so that they can share state."""

from collections.abc import Iterable
from typing import Any, Generic, TypeVar

from sage_local.functions.function import Function
from sage_local.functions.process import (
    BroadcastContext,
    BroadcastReadContext,
    KeyedProcessContext,
    Outputs,
    TimerContext,
)

A_contra = TypeVar("A_contra", contravariant=True)
B_contra = TypeVar("B_contra", contravariant=True)
OUT_co = TypeVar("OUT_co", covariant=True)


class CoMapFunction(Function, Generic[A_contra, B_contra, OUT_co]):
    """One record out for each record in. Further inputs are taken by ``map3``, ``map4``, ..."""

    def map1(self, value: A_contra, /) -> OUT_co:
        """For each record of the first stream."""
        raise NotImplementedError(f"{type(self).__name__} does not override map1()")

    def map2(self, value: B_contra, /) -> OUT_co:
        """For each record of the second stream."""
        raise NotImplementedError(f"{type(self).__name__} does not override map2()")


class CoFlatMapFunction(Function, Generic[A_contra, B_contra, OUT_co]):
    """Any number of records out for each record in. Further inputs are taken by ``flat_map3``, ..."""

    def flat_map1(self, value: A_contra, /) -> Iterable[OUT_co]:
        """For each record of the first stream."""
        raise NotImplementedError(f"{type(self).__name__} does not override flat_map1()")

    def flat_map2(self, value: B_contra, /) -> Iterable[OUT_co]:
        """For each record of the second stream."""
        raise NotImplementedError(f"{type(self).__name__} does not override flat_map2()")


class CoProcessFunction(Function, Generic[A_contra, B_contra, OUT_co]):
    """A process function of several inputs. On keyed streams they share state and timers by key.

    ``ctx.key`` is there on keyed streams only. Further inputs are taken by ``process3``, ...
    """

    def process1(self, value: A_contra, ctx: KeyedProcessContext[Any], /) -> Outputs[OUT_co]:
        """For each record of the first stream."""
        raise NotImplementedError(f"{type(self).__name__} does not override process1()")

    def process2(self, value: B_contra, ctx: KeyedProcessContext[Any], /) -> Outputs[OUT_co]:
        """For each record of the second stream."""
        raise NotImplementedError(f"{type(self).__name__} does not override process2()")

    def on_timer(self, timestamp: int, ctx: TimerContext[Any], /) -> Outputs[OUT_co]:
        """When a timer fires; on keyed streams only."""
        raise NotImplementedError(f"{type(self).__name__} registered a timer and does not override on_timer()")


class BroadcastProcessFunction(Function, Generic[A_contra, B_contra, OUT_co]):
    """Records of one stream beside those of another that every subtask gets: rules, settings, small tables.

    For ``stream.connect(rules.broadcast()).process(function)``. Where ``stream`` is keyed, its records have keyed state
    and timers too.
    """

    def process(self, value: A_contra, ctx: BroadcastReadContext, /) -> Outputs[OUT_co]:
        """For each record of the stream: may look at the broadcast state."""
        raise NotImplementedError(f"{type(self).__name__} does not override process()")

    def process_broadcast(self, value: B_contra, ctx: BroadcastContext, /) -> Outputs[OUT_co]:
        """For each broadcast record, in every subtask: may change the broadcast state. There is no key."""
        raise NotImplementedError(f"{type(self).__name__} does not override process_broadcast()")

    def on_timer(self, timestamp: int, ctx: TimerContext[Any], /) -> Outputs[OUT_co]:
        """When a timer fires; where ``stream`` is keyed."""
        raise NotImplementedError(f"{type(self).__name__} registered a timer and does not override on_timer()")
