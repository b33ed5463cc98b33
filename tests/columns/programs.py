"""What the column streams of these tests are made of."""

from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from sage_local import (
    LocalEnvironment,
    WatermarkStrategy,
)

ENGINES = [("inline", 1), ("inline", 3), ("processes", 2)]
"""Starting workers with pyarrow is what takes time here."""
AGGREGATES = {
    "total": ("value", "sum"),
    "n": ("value", "count"),
    "least": ("value", "min"),
    "most": ("value", "max"),
    "average": ("value", "mean"),
}


def events(number: int = 4000) -> pa.Table:
    """Out of order by up to 40 ms, in bursts with gaps; some values are null."""
    times = [i * 3 - i * 13 % 41 + (i // 500) * 900 for i in range(number)]
    return pa.table(
        {
            "key": pa.array([None if i % 97 == 0 else f"k{i * 7 % 11}" for i in range(number)]),
            "ts": pa.array(times, pa.timestamp("ms", "UTC")),
            "value": pa.array([None if i % 13 == 5 else i % 17 - 3 for i in range(number)], pa.int32()),
            "unused": pa.array([f"text {i}" for i in range(number)]),
        }
    )


def environment(engine: str, parallelism: int, mode: str = "streaming") -> LocalEnvironment:
    settings = {"execution.engine": engine, "parallelism": parallelism, "execution.runtime-mode": mode}
    return LocalEnvironment("columns", config=settings)


def in_files(directory: Path, table: pa.Table, files: int = 1) -> str:
    """In the order of time from file to file."""
    rows = -(-len(table) // files)
    for index in range(files):
        part = table.slice(index * rows, rows)
        pq.write_table(part, directory / f"part-{index}.parquet", row_group_size=700)
    return str(directory / "*.parquet")


def timed(stream: Any) -> Any:
    strategy = WatermarkStrategy.for_bounded_out_of_orderness(45).with_timestamp_column("ts")
    return stream.assign_timestamps_and_watermarks(strategy)


def ms(instant: datetime) -> int:
    return round(instant.timestamp() * 1000)
