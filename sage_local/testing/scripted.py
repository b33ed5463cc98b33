"""Sources that do what a test tells them, step by step."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from sage_local.api.datastream import DataStream
from sage_local.api.environment import LocalEnvironment
from sage_local.core.clock import SystemClock
from sage_local.errors import PlanError
from sage_local.functions import SourceFunction, SplitReader
from sage_local.testing.faults import FaultPoint
from sage_local.testing.latch import Latch
from sage_local.windowing.duration import Duration, not_negative_ms
from sage_local.windowing.timestamps import event_time_ms
from sage_local.windowing.watermarks import WatermarkGenerator, WatermarkOutput, WatermarkStrategy

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class At(Generic[T]):
    """Step: emit ``value`` with the event time ``timestamp`` (ms since the epoch, or a ``datetime`` with a zone)."""

    timestamp: Any
    value: T


@dataclass(frozen=True, slots=True)
class AdvanceWatermark:
    """Step: from here on no record of an event time up to ``timestamp`` is expected from this split."""

    timestamp: Any


@dataclass(frozen=True, slots=True)
class Pause:
    """Step: emit nothing for ``duration`` of the machine's clock. To wait for something, use a ``Latch``."""

    duration: Duration


@dataclass(frozen=True, slots=True)
class End:
    """Step: the split ends here; what follows in the script is not emitted."""


Step = Any
"""A record, or one of ``At``, ``AdvanceWatermark``, ``Pause``, ``End``, a ``Latch`` (wait until it is open), a
``FaultPoint`` (hit it)."""


class ScriptedSource(SourceFunction[T], Generic[T]):
    """Follows a script; of several scripts each is a split, read in parallel where the parallelism allows it.

    ``env.from_source(ScriptedSource([1, 2, Latch(), 3]))``. Where the script has event times, ``source.stream(env)`` is
    the stream with timestamps and watermarks as written. Each script can be continued from a checkpoint.
    """

    def __init__(self, *scripts: Iterable[Step]) -> None:
        if not scripts:
            raise PlanError("ScriptedSource() takes at least one script: a list of records and steps")
        self._scripts = [[_checked(step) for step in script] for script in scripts]
        self._is_timed = any(isinstance(step, At | AdvanceWatermark) for script in self._scripts for step in script)
        if self._is_timed:
            for script in self._scripts:
                _refuse_untimed(script)

    def stream(self, env: LocalEnvironment, *, name: str = "scripted", parallelism: int | None = None) -> DataStream[T]:
        """The records with the timestamps and watermarks of the script."""
        if not self._is_timed:
            return env.from_source(self, name=name, parallelism=parallelism)
        strategy = WatermarkStrategy.for_generator(_ScriptedWatermarks).with_timestamp_assigner("timestamp")
        steps = env.from_source(_Steps(self._scripts), name=name, parallelism=parallelism)
        timed = steps.assign_timestamps_and_watermarks(strategy, name=f"{name}-time")
        return timed.flat_map(_record, name=f"{name}-records", parallelism=parallelism)

    def splits(self) -> Sequence[int]:
        """One per script."""
        if self._is_timed:
            raise PlanError("this script has event times: use source.stream(env) in place of env.from_source(source)")
        return range(len(self._scripts))

    def open_split(self, split: int, position: int | None = None) -> SplitReader[T]:
        """``position`` is the number of steps done."""
        return _Reader(self._scripts[split], position or 0)


class _Steps(SourceFunction[Any]):
    """Emits timed records and watermark steps as they stand in the script."""

    def __init__(self, scripts: list[list[Step]]) -> None:
        self._scripts = scripts

    def splits(self) -> Sequence[int]:
        return range(len(self._scripts))

    def open_split(self, split: int, position: int | None = None) -> SplitReader[Any]:
        return _Reader(self._scripts[split], position or 0)


class _ScriptedWatermarks(WatermarkGenerator[Any]):
    def on_event(self, value: Any, timestamp: int, output: WatermarkOutput, /) -> None:
        if isinstance(value, AdvanceWatermark):
            output.emit_watermark(timestamp)


def _record(step: Any) -> list[Any]:
    return [step.value] if isinstance(step, At) else []


class _Reader(SplitReader[Any]):
    def __init__(self, script: list[Step], position: int) -> None:
        self._script = script
        self._position = position
        self._clock = SystemClock()
        self._pause_ends_ms: int | None = None

    def poll(self, max_records: int, /) -> list[Any] | None:
        """The records up to the next step that is none."""
        records: list[Any] = []
        while self._position < len(self._script) and len(records) < max_records:
            step = self._script[self._position]
            if not isinstance(step, Pause | End | Latch | FaultPoint):
                records.append(step)
            elif records:
                # Whatever the step does, what stands before it is emitted first.
                return records
            elif isinstance(step, End):
                return None
            elif not self._passes(step):
                return []
            self._position += 1
        return records if records or self._position < len(self._script) else None

    def _passes(self, step: Pause | Latch | FaultPoint) -> bool:
        if isinstance(step, Latch):
            return step.is_open
        if isinstance(step, FaultPoint):
            # Done before it goes wrong: whoever comes back here from a checkpoint hits it again.
            step.hit()
            return True
        now_ms = self._clock.now_ms()
        if self._pause_ends_ms is None:
            self._pause_ends_ms = now_ms + not_negative_ms(step.duration, "Pause")
        if now_ms < self._pause_ends_ms:
            return False
        self._pause_ends_ms = None
        return True

    def snapshot(self) -> int:
        return self._position

    def close(self) -> None:
        pass


def _checked(step: Step) -> Step:
    """``step`` with its times as numbers. Raises where they are none: here, not in a worker."""
    if isinstance(step, At):
        return At(event_time_ms(step.timestamp), step.value)
    if isinstance(step, AdvanceWatermark):
        return AdvanceWatermark(event_time_ms(step.timestamp))
    if isinstance(step, Pause):
        return Pause(not_negative_ms(step.duration, "Pause"))
    if isinstance(step, type) and issubclass(step, At | AdvanceWatermark | Pause | End | Latch | FaultPoint):
        raise PlanError(
            f"a script takes an instance, found the class {step.__name__} itself: write {step.__name__}(...)"
        )
    return step


def _refuse_untimed(script: list[Step]) -> None:
    for number, step in enumerate(script, start=1):
        if not isinstance(step, At | AdvanceWatermark | Pause | End | Latch | FaultPoint):
            raise PlanError(
                f"step {number} of a script with event times must have one too: write At(timestamp, {step!r:.80})"
            )
