import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ADDING = """
import sys
from sage_local.bench.compete import compete
from sage_local.bench.workload import Timed, Workload, expect, floor, peer, ratio, sage

def prepare(folder, records):
    (folder / "numbers").write_text(" ".join(map(str, range(records))))

def add(folder, records):
    return Timed(sum(map(int, (folder / "numbers").read_text().split())), seconds=records / 1000)

def check(folder, records, found):
    expect("sum", records * (records - 1) // 2, found)

WORKLOADS = (
    Workload(
        name="adding",
        title="sum of numbers",
        records=100,
        few=10,
        prepare=prepare,
        check=check,
        contestants={
            "loop": floor(add),
            "again": sage(lambda folder, records: Timed(add(folder, records).result, records / 500)),
            "absent": peer(add, "there_is_no_such_package"),
        },
        figures=(
            ratio("seconds", "loop", "again", goal=0.4),
            ratio("seconds", "absent", "again", goal=0.4),
        ),
    ),
)

if __name__ == "__main__":
    compete(WORKLOADS)
"""
"""A workload whose contestants say themselves how long they took: 1 and 2 ms per record."""


@pytest.fixture(autouse=True)
def own_path(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where files of workloads put their directories: it is that of all tests."""
    monkeypatch.setattr("sys.path", [*sys.path])


@pytest.fixture
def workload_file(tmp_path: Path) -> Callable[..., Path]:
    """Writes the workload with parts of it replaced; returns its file."""

    def write(*replaced: tuple[str, str]) -> Path:
        text = ADDING
        for old, new in replaced:
            assert old in text
            text = text.replace(old, new)
        file = tmp_path / "adding.py"
        file.write_text(text)
        return file

    return write
