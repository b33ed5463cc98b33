"""Flink SQL by PyFlink's Table API: a window aggregation over the window table-valued function ``TUMBLE``.

Reads CSV: Flink as it comes with PyFlink has no Parquet format. ``FLINK_RUNTIME_MODE`` is ``streaming`` or ``batch``.
"""

import os
from pathlib import Path

from _events import WINDOW_MS, main
from pyflink.table import EnvironmentSettings, TableEnvironment

# The files are read in no order, so no record may be late before all have been read.
EVENTS = """
CREATE TABLE events (
  `key` BIGINT,
  ts BIGINT,
  `value` BIGINT,
  rowtime AS TO_TIMESTAMP_LTZ(ts, 3),
  WATERMARK FOR rowtime AS rowtime - INTERVAL '90' DAY
) WITH ('connector' = 'filesystem', 'path' = '{source}', 'format' = 'csv')
"""

RESULTS = """
CREATE TABLE results ({columns}) WITH ('connector' = 'filesystem', 'path' = '{out}', 'format' = 'csv')
"""

WINDOWS = f"""
INSERT INTO results
SELECT `key`, window_start, SUM(`value`), COUNT(`value`), MAX(`value`)
FROM TUMBLE(TABLE events, DESCRIPTOR(rowtime), INTERVAL '{WINDOW_MS // 1000}' SECOND)
GROUP BY `key`, window_start, window_end
"""

READ = "INSERT INTO results SELECT `key`, ts, `value` FROM events WHERE `value` < 0"


def windows(source: Path, out: Path, workers: int) -> None:
    columns = "`key` BIGINT, window_start TIMESTAMP(3), total BIGINT, n BIGINT, most BIGINT"
    _run(source, out, workers, columns, WINDOWS)


def read(source: Path, out: Path, workers: int) -> None:
    _run(source, out, workers, "`key` BIGINT, ts BIGINT, `value` BIGINT", READ)


def _run(source: Path, out: Path, workers: int, columns: str, query: str) -> None:
    in_streaming = os.environ["FLINK_RUNTIME_MODE"] == "streaming"
    settings = EnvironmentSettings.in_streaming_mode() if in_streaming else EnvironmentSettings.in_batch_mode()
    tables = TableEnvironment.create(settings)
    tables.get_config().set("parallelism.default", str(workers))
    tables.get_config().set("table.local-time-zone", "UTC")
    tables.execute_sql(EVENTS.format(source=source / "without_header"))
    tables.execute_sql(RESULTS.format(columns=columns, out=out))
    tables.execute_sql(query).wait()


if __name__ == "__main__":
    main({"windows_csv": windows, "read_csv": read})
