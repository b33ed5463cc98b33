"""Reading what a contestant wrote, whatever its format, and holding it against the answer."""

import csv
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sage_local.bench.workload import WrongResult

Row = tuple[Any, ...]

COLUMNS = ("key", "window_start", "total", "n", "most")


def check(contestant: str, out: Path, answer: list[Row]) -> None:
    """Raise ``WrongResult`` when the files in ``out`` do not hold exactly the rows of ``answer``, in any order."""
    found = sorted(_rows(out))
    if found == answer:
        return
    extra, missing = _first_not_in(found, answer), _first_not_in(answer, found)
    raise WrongResult(
        f"{contestant}: expected {len(answer)} results, found {len(found)}; first missing: {missing}, first wrong:"
        f" {extra}"
    )


def _first_not_in(rows: Iterable[Row], others: Iterable[Row]) -> Row | None:
    known = set(others)
    return next((row for row in rows if row not in known), None)


def _rows(out: Path) -> Iterator[Row]:
    for path in out.rglob("*"):
        if path.is_file() and not path.name.endswith(".crc"):
            yield from _table(path) if path.suffix == ".parquet" else _lines(path)


def _lines(path: Path) -> Iterator[Row]:
    with open(path, encoding="utf-8", newline="") as file:
        for row in csv.reader(file):
            yield tuple(map(_value, row))


def _table(path: Path) -> Iterator[Row]:
    import pyarrow.parquet as pq

    table = pq.read_table(path)
    if not table.num_rows:
        return
    for row in zip(*(table[name].to_pylist() for name in COLUMNS), strict=True):
        yield tuple(map(_plain, row))


def _value(text: str) -> int | str:
    """Counts are numbers, keys may be, and the start of a window is a time."""
    if text.isdigit():
        return int(text)
    try:
        return _plain(datetime.fromisoformat(text))
    except ValueError:
        return text


def _plain(value: Any) -> Any:
    """Times as ms since the epoch; those without a zone are of UTC."""
    if isinstance(value, datetime):
        return round(value.replace(tzinfo=value.tzinfo or UTC).timestamp() * 1000)
    return value
