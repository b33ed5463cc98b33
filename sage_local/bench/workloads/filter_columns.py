"""A filter and a projection over record batches, against the same calls of pyarrow on the same batches.

The batches come from Arrow files, each of which is read several times: long enough for what is steady, on a small disk.
The last column is added up in the end: a result that nobody looks at may never be computed.
"""

import tempfile
from pathlib import Path
from typing import Any

from sage_local.bench.compete import compete
from sage_local.bench.workload import Workload, expect, floor, ratio, sage
from sage_local.functions.sink import SinkFunction

FILES = 2
TIMES = 5
"""That each file is read."""
BATCH_ROWS = 64 * 1024


def prepare(folder: Path, records: int) -> None:
    """Arrow files, and the number of rows that pass with the sum of what is made of them."""
    import numpy as np
    import pyarrow as pa

    records //= TIMES
    chance = np.random.default_rng(0)
    amount, price = chance.integers(0, 1_000, records), chance.integers(0, 10_000, records)
    table = pa.table({"id": np.arange(records), "amount": amount, "price": price})
    step = -(-records // FILES)
    for number in range(FILES):
        with pa.OSFile(str(folder / f"{number}.arrow"), "wb") as file, pa.ipc.new_file(file, table.schema) as writer:
            writer.write_table(table.slice(number * step, step), max_chunksize=BATCH_ROWS)
    passing = amount < 500
    (folder / "expected").write_text(f"{passing.sum() * TIMES} {(amount * price + 1)[passing].sum() * TIMES}")


def check(folder: Path, records: int, found: tuple[int, int]) -> None:
    """Rows and sum."""
    expect("rows that pass, and their sum", tuple(map(int, (folder / "expected").read_text().split())), found)


def _dataset(folder: Path) -> Any:
    import pyarrow.dataset as ds

    return ds.dataset([str(folder / f"{number}.arrow") for number in range(FILES)] * TIMES, format="ipc")


def bare_pyarrow(folder: Path, records: int) -> tuple[int, int]:
    """A loop over the batches."""
    import pyarrow as pa
    import pyarrow.compute as pc

    pa.set_cpu_count(1)
    rows = total = 0
    for batch in _dataset(folder).to_batches(batch_size=BATCH_ROWS, use_threads=False):
        passing = batch.filter(pc.less(batch["amount"], 500))
        made = pc.add(pc.multiply(passing["amount"], passing["price"]), 1)
        result = pa.record_batch({"id": passing["id"], "made": made})
        rows += len(result)
        total += pc.sum(result["made"]).as_py() or 0
    return rows, total


class Totals(SinkFunction[Any]):
    """Adds up what it is given, and leaves the sums in a file of its own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._rows = self._total = 0

    def write_batch(self, batch: Any) -> None:
        """A batch of columns."""
        import pyarrow.compute as pc

        self._rows += len(batch)
        self._total += pc.sum(batch["made"]).as_py() or 0

    def close(self) -> None:
        """The end."""
        with tempfile.NamedTemporaryFile("w", dir=self._folder, suffix=".totals", delete=False) as file:
            file.write(f"{self._rows} {self._total}")


def filtered(folder: Path, parallelism: int) -> tuple[int, int]:
    """Ours."""
    import pyarrow.compute as pc

    from sage_local import LocalEnvironment

    env = LocalEnvironment("filter-columns", config={"parallelism": parallelism})
    batches: Any = env.from_arrow(_dataset(folder), batch_rows=BATCH_ROWS)
    made = (pc.field("amount") * pc.field("price")) + 1
    results = Path(tempfile.mkdtemp(dir=folder))
    batches.filter(pc.field("amount") < 500).select("id", made=made).sink(Totals(results))
    env.submit()
    rows, totals = zip(*(map(int, file.read_text().split()) for file in results.iterdir()), strict=True)
    return sum(rows), sum(totals)


WORKLOADS = (
    Workload(
        name="filter_columns",
        title="filter and projection of record batches",
        records=200_000_000,
        few=10_000,
        prepare=prepare,
        check=check,
        contestants={
            "pyarrow": floor(bare_pyarrow),
            "1 worker": sage(lambda folder, records: filtered(folder, 1)),
            "2 workers": sage(lambda folder, records: filtered(folder, 2)),
        },
        figures=(
            ratio("seconds", "pyarrow", "1 worker", goal=0.9),
            ratio("cpu_s", "pyarrow", "1 worker", goal=0.9),
            ratio("seconds", "pyarrow", "2 workers"),
        ),
    ),
)

if __name__ == "__main__":
    compete(WORKLOADS)
