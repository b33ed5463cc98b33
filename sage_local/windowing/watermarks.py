"""How a stream learns of event time: timestamps of records, and watermarks that say how far time has come."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Generic, Protocol, TypeVar

from sage_local.errors import PlanError
from sage_local.windowing.duration import Duration, not_negative_ms, positive_ms

S = TypeVar("S")
T = TypeVar("T")
T_contra = TypeVar("T_contra", contravariant=True)


class WatermarkOutput(Protocol):
    """What a generator tells its stream through."""

    def emit_watermark(self, timestamp: int, /) -> None:
        """No record up to ``timestamp`` (ms since the epoch) is expected any more. One that goes back is ignored."""

    def mark_idle(self) -> None:
        """Do not wait for this stream, until its next watermark."""


class WatermarkGenerator(ABC, Generic[T_contra]):
    """Watches the records of one stream (of one split, where the source has splits) and says how far time has come.

    Its attributes are part of the snapshot, so they must pickle.
    """

    @abstractmethod
    def on_event(self, value: T_contra, timestamp: int, output: WatermarkOutput, /) -> None:
        """Called for each record; a watermark emitted here comes directly behind it."""

    def on_periodic_emit(self, output: WatermarkOutput, /) -> None:
        """Called after every batch of records, and every 200 ms while none come."""


class TimestampAssigner(ABC, Generic[T_contra]):
    """Reads the event time from a record; a plain function of the record does as well."""

    @abstractmethod
    def extract_timestamp(self, value: T_contra, record_timestamp: int | None, /) -> Any:
        """Milliseconds since the epoch, or a ``datetime`` with a zone. ``record_timestamp`` is what it had before."""


Assigner = Callable[[T], Any] | TimestampAssigner[T] | str | int
"""A function of the record, a ``TimestampAssigner``, a ``dict`` key or attribute name, or the index in a tuple."""


@dataclass(frozen=True, slots=True)
class WatermarkStrategy(Generic[T]):
    """Given to ``assign_timestamps_and_watermarks``. Exactly one of ``delay_ms`` and ``generator`` is set."""

    delay_ms: int | None = None
    """The watermark stays this far, and 1 ms, behind the latest record."""
    generator: Callable[[], WatermarkGenerator[T]] | None = None
    assigner: Assigner[T] | None = None
    """``None``: records keep the timestamps they have."""
    idleness_ms: int | None = None

    @classmethod
    def for_monotonous_timestamps(cls) -> "WatermarkStrategy[Any]":
        """For records whose timestamps never go back (within a split)."""
        return WatermarkStrategy(delay_ms=0)

    @classmethod
    def for_bounded_out_of_orderness(cls, max_out_of_orderness: Duration) -> "WatermarkStrategy[Any]":
        """For records that come at most this much later than a record with a higher timestamp."""
        return WatermarkStrategy(delay_ms=not_negative_ms(max_out_of_orderness, "max_out_of_orderness"))

    @classmethod
    def for_generator(cls, generator: Callable[[], WatermarkGenerator[S]]) -> "WatermarkStrategy[S]":
        """For everything else; ``generator()`` is called once per subtask and split, so a class will do."""
        if isinstance(generator, WatermarkGenerator) or not callable(generator):
            raise PlanError(
                "for_generator takes a function that makes a new WatermarkGenerator, or the class itself, since every"
                f" split has its own; found {generator!r}"
            )
        return WatermarkStrategy(generator=generator)

    def with_timestamp_assigner(self, assigner: Assigner[T]) -> "WatermarkStrategy[T]":
        """Read each record's event time by ``assigner``."""
        if isinstance(assigner, type):
            raise PlanError(f"with_timestamp_assigner takes an instance; found the class {assigner.__name__}: call it")
        if not (callable(assigner) or isinstance(assigner, TimestampAssigner | str | int)):
            raise PlanError(
                "with_timestamp_assigner takes a function of the record, a TimestampAssigner, a field name or a tuple"
                f" index; found {assigner!r}"
            )
        return replace(self, assigner=assigner)

    def with_timestamp_column(self, column: str) -> "WatermarkStrategy[T]":
        """The event time of a column stream is in ``column``: timestamps, dates, or whole milliseconds."""
        if not isinstance(column, str):
            raise PlanError(f"with_timestamp_column takes the name of a column; found {column!r}")
        return replace(self, assigner=column)

    def with_idleness(self, timeout: Duration) -> "WatermarkStrategy[T]":
        """Do not wait for a split or subtask that has had no record for ``timeout`` (of the machine's clock)."""
        return replace(self, idleness_ms=positive_ms(timeout, "idleness timeout"))
