"""Ray Data, as its guides "Working with text" and "Aggregating data" write it. It has no keyed running state."""

from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import ray
from _events import WINDOW_MS, kind_of, main, write_counts
from ray.data.aggregate import Count, Max, Sum


def count(source: Path, out: Path, workers: int) -> None:
    _start(workers)
    kinds = ray.data.read_text(str(source)).map(lambda row: {"kind": kind_of(row["text"])})
    counts = kinds.groupby("kind").count().take_all()
    write_counts(out, ((row["kind"], row["count()"]) for row in counts))
    ray.shutdown()


def windows(source: Path, out: Path, workers: int) -> None:
    _start(workers)
    keyed = ray.data.read_parquet(str(source)).map_batches(_with_window, batch_format="pyarrow")
    aggregates = [Sum("value", alias_name="total"), Count("value", alias_name="n"), Max("value", alias_name="most")]
    keyed.groupby(["key", "window_start"]).aggregate(*aggregates).write_parquet(str(out))
    ray.shutdown()


def _with_window(events: pa.Table) -> pa.Table:
    ms = pc.cast(events["ts"], pa.int64())
    start = pc.multiply(pc.divide(ms, WINDOW_MS), WINDOW_MS)
    return events.drop_columns(["ts"]).append_column("window_start", start)


def _start(workers: int) -> None:
    ray.init(num_cpus=workers, include_dashboard=False)


if __name__ == "__main__":
    main({"count": count, "windows": windows})
