"""Peers: a wrong result is seen, nobody's CPU time is lost, and what is missing is told."""

import json
import subprocess
import sys
from pathlib import Path

import _environments
import _inputs
import _results
import _table
import pytest

from sage_local.bench.workload import WrongResult

PEERS = Path(_table.__file__).parent
LEAVES_A_BUSY_PROCESS_BEHIND = """
import os, time
if os.fork() == 0:
    if os.fork() == 0:
        while time.process_time() < 0.3:
            pass
    os._exit(0)
os.wait()
print("the command's own line")
"""


@pytest.mark.parametrize(("kind", "program", "task"), [("json_lines", "loop", "count"), ("keys", "loop", "running")])
def test_the_plain_loop_finds_the_answer_that_was_counted_while_the_input_was_made(
    kind: str, program: str, task: str, tmp_path: Path
) -> None:
    folder, answer = _inputs.prepared(kind, 2_000, tmp_path)
    out = tmp_path / "out"
    out.mkdir()
    command = [sys.executable, PEERS / "programs" / f"{program}.py", task, folder, out, "1"]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    assert json.loads(done.stdout)["records"] == 2_000
    _results.check("the loop", out, answer)


def test_sums_by_window_are_those_of_a_loop_over_the_files(tmp_path: Path) -> None:
    folder, answer = _inputs.prepared("events_csv", 10_000, tmp_path)
    folds: dict[tuple[int, int], list[int]] = {}
    for path in (folder / "without_header").iterdir():
        for key, ts, value in (map(int, line.split(",")) for line in path.read_text().splitlines()):
            fold = folds.setdefault((key, ts // _inputs.WINDOW_MS * _inputs.WINDOW_MS), [0, 0, 0])
            fold[:] = fold[0] + value, fold[1] + 1, max(fold[2], value)
    assert answer == sorted((*place, *fold) for place, fold in folds.items())


def test_input_is_made_once(tmp_path: Path) -> None:
    folder, answer = _inputs.prepared("keys", 1_000, tmp_path)
    (folder / "0.txt").write_text("as it was left")
    assert _inputs.prepared("keys", 1_000, tmp_path) == (folder, answer)
    assert (folder / "0.txt").read_text() == "as it was left"


def test_a_result_that_is_wrong_is_told_with_what_is_missing(tmp_path: Path) -> None:
    (tmp_path / "counts.csv").write_text("a,1\nb,3\n")
    with pytest.raises(WrongResult, match=r"some engine: expected 2 .* missing: \('b', 2\).* \('b', 3\)"):
        _results.check("some engine", tmp_path, [("a", 1), ("b", 2)])


def test_a_result_that_comes_twice_is_wrong(tmp_path: Path) -> None:
    (tmp_path / "counts.csv").write_text("a,1\na,1\n")
    with pytest.raises(WrongResult, match="found 2"):
        _results.check("some engine", tmp_path, [("a", 1)])


@pytest.mark.parametrize("start", ["10000", "1970-01-01 00:00:10", "1970-01-01T00:00:10.000"])
def test_the_start_of_a_window_may_be_written_as_a_time(start: str, tmp_path: Path) -> None:
    (tmp_path / "part-0").write_text(f"7,{start},30,2,20\n")
    _results.check("some engine", tmp_path, [(7, 10_000, 30, 2, 20)])


def test_cpu_time_of_a_process_that_was_left_behind_is_counted() -> None:
    command = [sys.executable, PEERS / "adopting.py", sys.executable, "-c", LEAVES_A_BUSY_PROCESS_BEHIND]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    first, last = done.stdout.splitlines()
    assert first == "the command's own line"
    assert json.loads(last)["cpu_s"] >= 0.3


def test_the_exit_code_is_the_commands() -> None:
    done = subprocess.run(
        [sys.executable, PEERS / "adopting.py", sys.executable, "-c", "raise SystemExit(7)"],
        stdout=subprocess.DEVNULL,
    )
    assert done.returncode == 7


def test_flink_without_java_says_how_java_is_installed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(_environments.MissingPart, match=r"Java 11 or newer.*apt-get install openjdk"):
        _environments.python_of("flink", tmp_path)


def test_every_contestant_has_a_program_and_an_environment() -> None:
    for workload in _table.WORKLOADS:
        assert workload.input in _inputs.MAKERS
        assert workload.environments <= _environments.ENVIRONMENTS.keys()
        for contestant in workload.contestants.values():
            assert (PEERS / "programs" / f"{contestant.program}.py").is_file()
