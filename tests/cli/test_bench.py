import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

Program = Callable[[str], Path]
Run = Callable[..., subprocess.CompletedProcess[str]]

COUNTING = """
from sage_local.bench.compete import compete
from sage_local.bench.workload import Figure, Timed, Workload, expect, sage

WORKLOADS = (
    Workload(
        name="counting",
        title="numbers",
        records=10,
        check=lambda folder, records, found: expect("count", records, found),
        contestants={"ours": sage(lambda folder, records: Timed(records, 2.0, {"p50_us": 7.0}))},
        figures=(Figure("seconds of ours", lambda the: the("ours", "seconds"), goal=GOAL, at_most=True),),
    ),
)

if __name__ == "__main__":
    compete(WORKLOADS)
"""


def test_list_shows_workloads_and_their_goals(sage: Run) -> None:
    done = sage("bench", "list")
    assert (done.returncode, done.stderr) == (0, "")
    assert re.search(r"^keyed_count +2,000,000 +loop, 1 worker, 2 workers", done.stdout, re.MULTILINE)
    assert "json_count: CPU of 1 worker / CPU of loop ≤ 1.05" in done.stdout


def test_run_prints_a_table_and_writes_files(sage: Run, program: Program, tmp_path: Path) -> None:
    file = program(COUNTING.replace("GOAL", "3"))
    done = sage("bench", "run", file, "-n", 2, "--json", "results.json", "--html", "results.html")
    assert (done.returncode, done.stderr) == (0, "")
    assert "✓ seconds of ours: 2 (2 … 2), goal ≤ 3" in done.stdout
    (workload,) = json.loads((tmp_path / "results.json").read_text())["workloads"]
    assert workload["contestants"]["ours"]["measures"]["p50_us"]["values"] == [7.0, 7.0]
    assert (tmp_path / "results.html").read_text().startswith("<!DOCTYPE html>")


def test_a_missed_goal_is_an_exit_code_where_that_is_asked_for(sage: Run, program: Program) -> None:
    file = program(COUNTING.replace("GOAL", "1"))
    assert sage("bench", "run", file, "-n", 1).returncode == 0
    done = sage("bench", "run", file, "-n", 1, "--check-goals")
    assert done.returncode == 1
    assert "✗ seconds of ours: 2, goal ≤ 1" in done.stdout


def test_an_unknown_workload_is_a_usage_error_that_offers_the_nearest(sage: Run) -> None:
    done = sage("bench", "run", "keyd_count")
    assert done.returncode == 2
    assert "no workload is named 'keyd_count'; did you mean 'keyed_count'?" in done.stderr


def test_a_wrong_result_ends_the_run(sage: Run, program: Program) -> None:
    done = sage("bench", "run", program(COUNTING.replace("GOAL", "1").replace("Timed(records,", "Timed(3,")))
    assert done.returncode == 1
    assert "contestant ours exited with 1:\nwrong result: count: expected 10, found 3" in done.stderr
