"""What a machine is busy with, by counters of its kernel, in windows of 5 seconds of event time.

    sage run local --parallelism=2 examples/sensor_windows.py
    sage run local --parallelism=2 examples/sensor_windows.py -- 30

Without an argument it reads a recording, ``examples/data/machine.csv``; with a number it measures this machine for so
many seconds, four times a second, from ``/proc/stat``. For each window and sensor it prints mean and peak as soon as
the window is over, and at the end of the input those that are not::

    12:11:20  context switches   20 readings, mean  4,449.8/s, peak    6,320/s
    12:11:20  new processes      20 readings, mean      7.4/s, peak       44/s
    ...

A reading belongs to the window of the time at which it was *taken*, however late it comes. Readings sent by network
come out of order; half a second of disorder is allowed for.
"""

import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from sage_local import (
    Count,
    DataStream,
    LocalEnvironment,
    Max,
    Mean,
    Multi,
    TimeWindow,
    TumblingEventTimeWindows,
    WatermarkStrategy,
)

RECORDING = Path(__file__).parent / "data" / "machine.csv"
INTERVAL_S = 0.25
SENSORS = {"ctxt": "context switches", "intr": "interrupts", "processes": "new processes"}
"""What ``/proc/stat`` counts since the start of the machine, under its name there."""


class Reading(NamedTuple):
    time_ms: int
    sensor: str
    per_second: int


def recorded(row: dict[str, str]) -> Reading:
    return Reading(int(row["time"]), row["sensor"], int(row["per_second"]))


def measured(seconds: float) -> Iterator[Reading]:
    before = counters()
    for _ in range(round(seconds / INTERVAL_S)):
        time.sleep(INTERVAL_S)
        now_ms, now = time.time_ns() // 1_000_000, counters()
        for sensor, number in now.items():
            yield Reading(now_ms, sensor, round((number - before[sensor]) / INTERVAL_S))
        before = now


def counters() -> dict[str, int]:
    lines = (line.split() for line in Path("/proc/stat").read_text().splitlines())
    return {SENSORS[words[0]]: int(words[1]) for words in lines if words[0] in SENSORS}


def in_windows(readings: DataStream[Reading]) -> DataStream[str]:
    disorder = WatermarkStrategy.for_bounded_out_of_orderness("500ms")
    timed = readings.assign_timestamps_and_watermarks(disorder.with_timestamp_assigner("time_ms"))
    windows = timed.key_by(lambda reading: reading.sensor).window(TumblingEventTimeWindows.of("5s"))
    return windows.aggregate(Multi(n=Count(), mean=Mean("per_second"), peak=Max("per_second")), line)


def line(sensor: str, window: TimeWindow, results: list[dict[str, Any]]) -> list[str]:
    began = datetime.fromtimestamp(window.start / 1000, UTC)
    (result,) = results
    rates = f"mean {result['mean']:8,.1f}/s, peak {result['peak']:8,}/s"
    return [f"{began:%H:%M:%S}  {sensor:16}  {result['n']:3} readings, {rates}"]


def source(env: LocalEnvironment, arguments: list[str]) -> DataStream[Reading]:
    if not arguments:
        return env.from_csv(RECORDING).map(recorded)
    return env.from_generator(partial(measured, float(arguments[0])), name="machine")


def main() -> None:
    env = LocalEnvironment("sensor-windows")
    in_windows(source(env, sys.argv[1:])).print()
    env.submit()


if __name__ == "__main__":
    main()
