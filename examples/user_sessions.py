"""Visits of users to a site, put together from single page views by the pauses between them.

    sage run local --parallelism=2 examples/user_sessions.py

makes up page views of five users, the same ones each time, in the disorder in which several web servers would deliver
them, and prints each visit when 30 minutes have passed without another page view, and views that came too late::

    ada    09:39, 7 min, 4 pages: /, /item/5, /item/5, /basket
    ...
    too late: bob 09:29 /item/2

A session window grows as long as its user goes on, and two grow together when a late view falls between them.
"""

import random
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from sage_local import (
    DataStream,
    EventTimeSessionWindows,
    LocalEnvironment,
    OutputTag,
    ProcessWindowFunction,
    WatermarkGenerator,
    WatermarkOutput,
    WatermarkStrategy,
    WindowContext,
)

GAP = timedelta(minutes=30)
DISORDER = timedelta(minutes=10)
PAGES = ["/search", "/item/1", "/item/2", "/item/3", "/item/4", "/item/5", "/basket"]


class View(NamedTuple):
    user: str
    time: datetime
    page: str


LATE = OutputTag[View]("late")


def page_views(seed: int = 5) -> list[View]:
    chance = random.Random(seed)
    arrivals: list[tuple[datetime, View]] = []
    for user in ("ada", "bob", "cleo", "dan", "eve"):
        time = datetime(2026, 3, 2, 9, tzinfo=UTC) + timedelta(minutes=chance.randrange(60))
        for _ in range(3):
            pages = ["/", *chance.choices(PAGES, k=chance.randrange(1, 8))]
            for page in pages:
                # Most views arrive at once; a few only after their server could be reached again.
                delay = timedelta(minutes=90 if chance.random() < 0.05 else chance.random())
                arrivals.append((time + delay, View(user, time, page)))
                time += timedelta(minutes=chance.randrange(1, 9))
            time += timedelta(minutes=chance.randrange(60, 180))
    return [view for _, view in sorted(arrivals)]


class Visit(ProcessWindowFunction[View, str, str]):
    def process(self, key: str, context: WindowContext, values: Iterable[View], /) -> Iterator[str]:
        views = sorted(values, key=lambda view: view.time)
        began, minutes = views[0].time, (views[-1].time - views[0].time) // timedelta(minutes=1)
        pages = ", ".join(view.page for view in views)
        yield f"{key:6} {began:%H:%M}, {minutes} min, {len(views)} page{'s' * (len(views) > 1)}: {pages}"


class BehindEach(WatermarkGenerator[View]):
    """A watermark behind each view, so that which of them are late does not depend on how they are batched.

    ``WatermarkStrategy.for_bounded_out_of_orderness(DISORDER)`` has one behind each batch, which costs less.
    """

    def on_event(self, value: View, timestamp: int, output: WatermarkOutput, /) -> None:
        # One that would go back is ignored: it stays behind the latest view.
        output.emit_watermark(timestamp - DISORDER // timedelta(milliseconds=1))


def visits(views: DataStream[View]) -> DataStream[str]:
    strategy = WatermarkStrategy.for_generator(BehindEach).with_timestamp_assigner(lambda view: view.time)
    return (
        views.assign_timestamps_and_watermarks(strategy)
        .key_by(lambda view: view.user)
        .window(EventTimeSessionWindows.with_gap(GAP))
        .side_output_late_data(LATE)
        .process(Visit(), name="visits")
    )


def main() -> None:
    env = LocalEnvironment("user-sessions")
    found = visits(env.from_collection(page_views(), name="views"))
    found.print()
    found.side_output(LATE).map(lambda view: f"{view.user} {view.time:%H:%M} {view.page}").print(prefix="too late: ")
    env.submit()


if __name__ == "__main__":
    main()
