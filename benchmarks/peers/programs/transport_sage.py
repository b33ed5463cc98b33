"""Record batches from one worker of a job to another: a source of batches, and a sink with a worker of its own."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import pyarrow as pa
from _batches import look, read_batch, times, write_sums
from _events import main

from sage_local import LocalEnvironment, SinkFunction, SourceFunction


class Repeated(SourceFunction[Any]):
    """Emits ``batch`` ``count`` times."""

    columnar: ClassVar[bool] = True

    def __init__(self, batch: pa.RecordBatch, count: int) -> None:
        self.batch = batch
        self.count = count
        self.schema = batch.schema

    def splits(self) -> Sequence[int]:
        return [self.count]

    def open_split(self, split: int, position: int | None = None) -> "Reader":
        return Reader(self.batch, split - (position or 0))


class Reader:
    def __init__(self, batch: pa.RecordBatch, left: int) -> None:
        self.batch = batch
        self.left = left

    def poll(self, max_records: int, /) -> pa.RecordBatch | None:
        if not self.left:
            return None
        self.left -= 1
        return self.batch

    def snapshot(self) -> int:
        return self.left

    def close(self) -> None:
        pass


class Look(SinkFunction[Any]):
    def __init__(self, out: Path, columns: int) -> None:
        self.out = out
        self.count = 0
        self.sums = [0] * columns

    def write(self, value: object) -> None:
        raise TypeError("expected batches, found a record")

    def write_batch(self, batch: pa.RecordBatch) -> None:
        self.count += 1
        look(batch, self.sums)

    def close(self) -> None:
        write_sums(self.out, self.count, self.sums)


def transport(source: Path, out: Path, workers: int) -> None:
    batch = read_batch(source)
    env = LocalEnvironment("transport", config={"parallelism": 2})
    # A parallelism of its own gives the sink a worker of its own.
    env.from_source(Repeated(batch, times(source))).sink(Look(out, batch.num_columns), parallelism=1)
    env.submit()


if __name__ == "__main__":
    main({"transport": transport})
