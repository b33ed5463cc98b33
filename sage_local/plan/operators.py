"""What each operator of a program is, as data: the user's functions and nothing that runs.

The runtime has one implementation for each class here (``sage_local.runtime.operators``).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Operator:
    """One step of a program.

    ``name`` is what users read in errors, metrics and plans; it is unique within a graph.
    ``key_selector`` is set when the operator was applied to a keyed stream.
    """

    name: str
    key_selector: Callable[[Any], Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Source(Operator):
    """Emits records. ``splits`` holds what its ``splits()`` named; ``None`` for a push source (``run(ctx)``)."""

    source: Any
    splits: tuple[Any, ...] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Map(Operator):
    """One record out for each record in."""

    function: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter(Operator):
    """Keeps the records for which the function is true."""

    function: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class FlatMap(Operator):
    """Any number of records out for each record in."""

    function: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Reduce(Operator):
    """Keeps one value per key, folded by ``reduce(a, b)``; emits that value."""

    function: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Aggregate(Operator):
    """Keeps one accumulator per key; emits ``(key, result)``."""

    function: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class PartialAggregate(Operator):
    """The local combiner: accumulators per key of what passed here, sent on in place of the records."""

    function: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class MergeAggregate(Operator):
    """Merges what ``PartialAggregate`` sent; emits ``(key, result)``."""

    function: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Sink(Operator):
    """Hands each record to a callable or a ``SinkFunction``."""

    function: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Print(Operator):
    """Writes ``prefix + str(record)`` as a line to the caller's standard output."""

    prefix: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Collect(Operator):
    """Returns the records to the caller."""
