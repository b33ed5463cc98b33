"""Input files and what must come out: made from a seed, once per number of records, and kept in the cache.

A set of input is a folder named by its number of records; the answer lies beside it, counted while the input is made
and not by any contestant.
"""

import json
import random
import shutil
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from programs._batches import BATCH_ROWS
from programs._events import MILESTONE, WINDOW_MS

VERSION = 2
"""Part of the path, so that other input than before is not mistaken for it."""

BENCHMARKS = Path(__file__).parents[1]
FILES = 4
COUNTRIES = ("at", "br", "ca", "cn", "de", "es", "fr", "gb", "in", "it", "jp", "ke", "mx", "nl", "pl", "us")
KINDS = ("buy", "cart", "click", "login", "logout", "rate", "search", "view")
RUNNING_KEYS = 10_000
WINDOW_KEYS = 1_000
EVENTS_PER_MS = 20
CHUNK = 1 << 20

Answer = dict[str, Any]
Maker = Callable[[Path, int], list[tuple[Any, ...]]]


def prepared(kind: str, records: int, cache: Path) -> tuple[Path, list[tuple[Any, ...]]]:
    """The folder with the input and the sorted rows of the answer; made now if they are not there."""
    folder = cache / "inputs" / f"{kind}-{VERSION}" / str(records)
    answer = folder.with_suffix(".json")
    if not answer.exists():
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        rows = MAKERS[kind](folder, records)
        answer.write_text(json.dumps(sorted(rows)))
    return folder, [tuple(row) for row in json.loads(answer.read_text())]


def _shares(records: int) -> Iterator[tuple[int, range]]:
    """What part of the records is in which file."""
    for index in range(FILES):
        yield index, range(records * index // FILES, records * (index + 1) // FILES)


def _json_lines(folder: Path, records: int) -> list[tuple[Any, ...]]:
    chance = random.Random(records)
    counts: Counter[str] = Counter()
    for index, share in _shares(records):
        with open(folder / f"{index}.jsonl", "w", encoding="utf-8") as file:
            for number in share:
                country, kind = chance.choice(COUNTRIES), chance.choice(KINDS)
                counts[f"{country}/{kind}"] += 1
                event = {"id": number, "user": f"u{chance.randrange(100_000)}", "country": country, "kind": kind}
                file.write(json.dumps(event | {"value": chance.randrange(1024)}) + "\n")
    return list(counts.items())


def _keys(folder: Path, records: int) -> list[tuple[Any, ...]]:
    """Some keys are much more frequent than others: the square of a uniform number."""
    chance = random.Random(records)
    counts: Counter[str] = Counter()
    milestones = []
    for index, share in _shares(records):
        with open(folder / f"{index}.txt", "w", encoding="utf-8") as file:
            for _ in share:
                key = f"user-{int(RUNNING_KEYS * chance.random() ** 2):05}"
                counts[key] += 1
                if counts[key] % MILESTONE == 0:
                    milestones.append((key, counts[key]))
                file.write(key + "\n")
    return milestones


def _events_parquet(folder: Path, records: int) -> list[tuple[Any, ...]]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = pa.schema([("key", pa.int64()), ("ts", pa.timestamp("ms")), ("value", pa.int64())])

    def open_writer(index: int) -> Any:
        return pq.ParquetWriter(folder / f"{index}.parquet", schema)

    return _events(records, open_writer, lambda table: table.cast(schema))


def _events_csv(folder: Path, records: int) -> list[tuple[Any, ...]]:
    """Twice: we take the names of columns from the first row of a file, Flink's format knows no such row."""
    import pyarrow as pa
    from pyarrow import csv

    schema = pa.schema([("key", pa.int64()), ("ts", pa.int64()), ("value", pa.int64())])
    rows = []
    for name, has_header in (("with_header", True), ("without_header", False)):
        (folder / name).mkdir()
        options = csv.WriteOptions(include_header=has_header, quoting_header="none")
        rows = _events(records, partial(_csv_writer, folder / name, schema, options))
    return rows


def _csv_writer(folder: Path, schema: Any, options: Any, index: int) -> Any:
    from pyarrow import csv

    return csv.CSVWriter(folder / f"{index}.csv", schema, write_options=options)


def _events(
    records: int, open_writer: Callable[[int], Any], shaped: Callable[[Any], Any] = lambda table: table
) -> list[tuple[Any, ...]]:
    """In the order of time, one file after the other."""
    import numpy as np
    import pyarrow as pa

    chance = np.random.default_rng(records)
    totals: dict[tuple[int, int], list[int]] = {}
    for index, share in _shares(records):
        with open_writer(index) as writer:
            for start in range(share.start, share.stop, CHUNK):
                numbers = np.arange(start, min(start + CHUNK, share.stop))
                key = chance.integers(0, WINDOW_KEYS, len(numbers))
                ts, value = numbers // EVENTS_PER_MS, chance.integers(0, 1024, len(numbers))
                _fold(totals, key, ts, value)
                writer.write_table(shaped(pa.table({"key": key, "ts": ts, "value": value})))
    return [(*place, *fold) for place, fold in totals.items()]


def _fold(totals: dict[tuple[int, int], list[int]], key: Any, ts: Any, value: Any) -> None:
    """Into sum, count and max by key and start of the window, by sorting: no engine has a hand in it."""
    import numpy as np

    window = ts // WINDOW_MS
    place = window * WINDOW_KEYS + key
    order = np.argsort(place, kind="stable")
    places, starts = np.unique(place[order], return_index=True)
    values = value[order]
    folds = zip(
        places.tolist(),
        np.add.reduceat(values, starts).tolist(),
        np.diff([*starts, len(values)]).tolist(),
        np.maximum.reduceat(values, starts).tolist(),
        strict=True,
    )
    for each, total, n, most in folds:
        fold = totals.setdefault((each % WINDOW_KEYS, each // WINDOW_KEYS * WINDOW_MS), [0, 0, 0])
        fold[:] = fold[0] + total, fold[1] + n, max(fold[2], most)


def _batch(folder: Path, records: int) -> list[tuple[Any, ...]]:
    """One batch, which is sent over and over, and the compiled copy limit; the answer is how often, and all sums."""
    import numpy as np
    import pyarrow as pa

    chance = np.random.default_rng(records)
    batch = pa.record_batch({name: chance.integers(0, 1 << 20, BATCH_ROWS) for name in ("key", "ts", "value")})
    with pa.ipc.new_file(folder / "batch.arrow", batch.schema) as writer:
        writer.write_batch(batch)
    sources = [
        BENCHMARKS / "native" / "limits.c",
        *(BENCHMARKS.parent / "native" / name for name in ("ring.c", "doorbell.c")),
    ]
    subprocess.run(["cc", "-O2", "-std=c11", "-o", folder / "limits", *sources], check=True)
    count = records // BATCH_ROWS
    return [(count, *(int(column.to_numpy().sum()) * count for column in batch.columns))]


MAKERS: dict[str, Maker] = {
    "json_lines": _json_lines,
    "keys": _keys,
    "events_parquet": _events_parquet,
    "events_csv": _events_csv,
    "batch": _batch,
}
