"""This engine, as its own documentation writes such programs."""

from pathlib import Path
from typing import Any

from _events import is_milestone, kind_of, main, write_counts

from sage_local import LocalEnvironment


def count(source: Path, out: Path, workers: int) -> None:
    env = LocalEnvironment("count", config={"parallelism": workers, "execution.runtime-mode": "batch"})
    kinds = env.from_text(str(source / "*")).map(kind_of)
    write_counts(out, kinds.key_by(lambda kind: kind).count().collect())


def running(source: Path, out: Path, workers: int) -> None:
    env = LocalEnvironment("running", config={"parallelism": workers})
    counts = env.from_text(str(source / "*")).key_by(lambda key: key).count()
    write_counts(out, counts.filter(lambda counted: is_milestone(counted[1])).collect())


def windows(source: Path, out: Path, workers: int) -> None:
    env = LocalEnvironment("windows", config={"parallelism": workers})
    _write(out, _windows(env.from_parquet(str(source / "*"))))


def windows_csv(source: Path, out: Path, workers: int) -> None:
    env = LocalEnvironment("windows", config={"parallelism": workers})
    _write(out, _windows(env.from_csv(str(source / "with_header" / "*"), columns=True)))


def _windows(events: Any) -> Any:
    from sage_local import TumblingEventTimeWindows, WatermarkStrategy

    strategy = WatermarkStrategy.for_monotonous_timestamps().with_timestamp_column("ts")
    keyed = events.assign_timestamps_and_watermarks(strategy).key_by("key")
    windows = keyed.window(TumblingEventTimeWindows.of("10s"))
    return windows.aggregate(total=("value", "sum"), n=("value", "count"), most=("value", "max")).collect_arrow()


def read_csv(source: Path, out: Path, workers: int) -> None:
    import pyarrow.compute as pc

    env = LocalEnvironment("read", config={"parallelism": workers})
    events = env.from_csv(str(source / "with_header" / "*"), columns=True)
    _write(out, events.filter(pc.field("value") < 0).collect_arrow())


def _write(out: Path, table: Any) -> None:
    import pyarrow.parquet as pq

    pq.write_table(table, out / "table.parquet")


if __name__ == "__main__":
    main(
        {"count": count, "running": running, "windows": windows, "windows_csv": windows_csv, "read_csv": read_csv},
    )
