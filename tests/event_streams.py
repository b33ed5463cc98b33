"""Streams of events whose time is in them."""

from typing import Any

from sage_local import DataStream, LocalEnvironment, OutputTag, WatermarkGenerator, WatermarkOutput, WatermarkStrategy

Event = tuple[Any, int, int]
"""Key, time, value."""
LATE = OutputTag[Event]("late")
HASTE_MS = 10


class EveryRecord(WatermarkGenerator[Event]):
    """A watermark behind each record that is a little too hasty, so that some come late."""

    def on_event(self, value: Event, timestamp: int, output: WatermarkOutput, /) -> None:
        output.emit_watermark(hasty(timestamp))


def hasty(timestamp: int) -> int:
    """What ``EveryRecord`` says behind a record of ``timestamp``."""
    return max(timestamp - HASTE_MS, -(2**63) + 1)


def environment(engine: str, parallelism: int) -> LocalEnvironment:
    return LocalEnvironment("windows", config={"execution.engine": engine, "parallelism": parallelism})


def stamped(env: LocalEnvironment, records: list[Event], strategy: WatermarkStrategy[Event]) -> DataStream[Event]:
    return env.from_collection(records).assign_timestamps_and_watermarks(strategy.with_timestamp_assigner(1))


def hastily_stamped(engine: str, parallelism: int, records: list[Event]) -> DataStream[Event]:
    """By ``EveryRecord``."""
    return stamped(environment(engine, parallelism), records, WatermarkStrategy.for_generator(EveryRecord))
