"""polars, lazily and by expressions: the vectorised ceiling. ``POLARS_MAX_THREADS`` says how many threads it has."""

from pathlib import Path

import polars as pl
from _events import MILESTONE, WINDOW_MS, main


def count(source: Path, out: Path, workers: int) -> None:
    kind = pl.concat_str("country", "kind", separator="/").alias("kind")
    counts = pl.scan_ndjson(source / "*.jsonl").group_by(kind).len().collect()
    counts.write_csv(out / "counts.csv", include_header=False)


def running(source: Path, out: Path, workers: int) -> None:
    keys = pl.scan_csv(source / "*.txt", has_header=False, new_columns=["key"])
    counts = keys.select("key", pl.int_range(1, pl.len() + 1).over("key").alias("count"))
    milestones = counts.filter(pl.col("count") % MILESTONE == 0).collect()
    milestones.write_csv(out / "counts.csv", include_header=False)


def windows(source: Path, out: Path, workers: int) -> None:
    events = pl.scan_parquet(source / "*.parquet")
    start = pl.col("ts").dt.truncate(f"{WINDOW_MS}ms").alias("window_start")
    value = pl.col("value")
    results = events.group_by("key", start).agg(total=value.sum(), n=value.count(), most=value.max())
    results.collect().write_parquet(out / "table.parquet")


if __name__ == "__main__":
    main({"count": count, "running": running, "windows": windows})
