"""DuckDB: the vectorised ceiling, as SQL."""

from pathlib import Path

import duckdb
from _events import MILESTONE, WINDOW_MS, main


def count(source: Path, out: Path, workers: int) -> None:
    _copy(
        out / "counts.csv",
        f"SELECT country || '/' || kind AS k, count(*) FROM read_ndjson('{source}/*') GROUP BY k",
        workers,
    )


def running(source: Path, out: Path, workers: int) -> None:
    _copy(
        out / "counts.csv",
        "SELECT key, row_number() OVER (PARTITION BY key) AS n"
        f" FROM read_csv('{source}/*', header=false, names=['key']) QUALIFY n % {MILESTONE} = 0",
        workers,
    )


def windows(source: Path, out: Path, workers: int) -> None:
    _copy(
        out / "table.parquet",
        f"SELECT key, time_bucket(INTERVAL '{WINDOW_MS} milliseconds', ts) AS window_start,"
        f" sum(value)::BIGINT AS total, count(value) AS n, max(value) AS most"
        f" FROM read_parquet('{source}/*') GROUP BY ALL",
        workers,
    )


def _copy(path: Path, query: str, workers: int) -> None:
    with duckdb.connect(config={"threads": workers}) as connection:
        options = " (HEADER false)" if path.suffix == ".csv" else ""
        connection.execute(f"COPY ({query}) TO '{path}'{options}")


if __name__ == "__main__":
    main({"count": count, "running": running, "windows": windows})
