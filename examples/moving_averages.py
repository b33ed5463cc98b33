"""How far the clocks of some cities were from UTC, averaged over a year: who changed zone or summer time is seen.

    sage run local --parallelism=2 examples/moving_averages.py
    sage run local --parallelism=2 examples/moving_averages.py -- Europe/Lisbon Asia/Pyongyang

reads the time zone tables of the machine (those that ``zoneinfo`` knows), noon of every day from 1970 to 2019, and
prints each moving average that is other than the one before::

    Asia/Kolkata: +5.50 h in the year to 1970-12-31
    Europe/Moscow: +3.00 h in the year to 1970-12-31
    Europe/Istanbul: +2.00 h in the year to 1970-12-31
    Europe/Istanbul: +2.18 h in the year to 1973-08-06
    ...

A window of the last 365 records of a city, moved on by 73 at a time, averages; a function with a value of state per
city remembers what it said last.
"""

import sys
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from functools import partial
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from sage_local import (
    DataStream,
    FunctionContext,
    KeyedProcessContext,
    KeyedProcessFunction,
    LocalEnvironment,
    Max,
    Mean,
    ValueStateDescriptor,
)

CITIES = ["Asia/Kolkata", "Europe/Istanbul", "Europe/Moscow"]
FIRST, DAYS = date(1970, 1, 1), 50 * 365


class Noon(NamedTuple):
    city: str
    day: date
    hours: float
    """Ahead of UTC."""


Average = tuple[str, dict[str, Any]]


def noons(cities: list[str]) -> Iterator[Noon]:
    zones = {city: ZoneInfo(city) for city in cities}
    for number in range(DAYS):
        day = FIRST + timedelta(days=number)
        for city, zone in zones.items():
            offset = datetime.combine(day, time(12), zone).utcoffset()
            assert offset is not None
            yield Noon(city, day, offset / timedelta(hours=1))


class Changes(KeyedProcessFunction[str, Average, str]):
    """An average that differs, as it is printed, from the last one of its city."""

    def open(self, context: FunctionContext, /) -> None:
        self.last = context.state(ValueStateDescriptor[str | None]("last"))

    def process(self, value: Average, ctx: KeyedProcessContext[str], /) -> Iterator[str]:
        city, result = value
        average = f"{result['hours']:+.2f} h"
        if average != self.last.value():
            self.last.update(average)
            yield f"{city}: {average} in the year to {result['day']}"


def changes(days: DataStream[Noon]) -> DataStream[str]:
    averages = days.key_by(lambda noon: noon.city).count_window(365, 73).aggregate(hours=Mean("hours"), day=Max("day"))
    return averages.filter(is_full_year).key_by(lambda average: average[0]).process(Changes())


def is_full_year(average: Average) -> bool:
    """The first windows of a city come before it has had a year."""
    day: date = average[1]["day"]
    return day >= FIRST + timedelta(days=364)


def main() -> None:
    env = LocalEnvironment("moving-averages")
    changes(env.from_generator(partial(noons, sys.argv[1:] or CITIES), name="noons")).print()
    env.submit()


if __name__ == "__main__":
    main()
