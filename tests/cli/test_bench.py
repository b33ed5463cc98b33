import json
import os
import re
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from sage_local.bench.results import ContestantResult, Results, Spread, WorkloadResult, write_results
from sage_local.bench.workload import Role

Program = Callable[[str], Path]
Run = Callable[..., subprocess.CompletedProcess[str]]
Start = Callable[..., subprocess.Popen[str]]

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


def results_file(tmp_path: Path, name: str, seconds: float, cpu: str = "a") -> Path:
    spread = Spread((seconds,) * 3)
    workload = WorkloadResult("w", "", 1, {"ours": ContestantResult(Role.SAGE, {"seconds": spread})}, ())
    write_results(Results({"cpu": cpu}, 3, (workload,)), tmp_path / name)
    return tmp_path / name


def test_compare_tells_what_got_worse_and_fails(sage: Run, tmp_path: Path) -> None:
    old, new = results_file(tmp_path, "old.json", 1.0), results_file(tmp_path, "new.json", 2.0)
    worse = sage("bench", "compare", old, new)
    assert worse.returncode == 1
    assert "0 better, 1 worse, 0 as before" in worse.stdout
    better = sage("bench", "compare", new, old)
    assert (better.returncode, better.stderr) == (0, "")
    assert "0.50 better" in better.stdout


def test_compare_warns_of_files_of_different_machines(sage: Run, tmp_path: Path) -> None:
    done = sage("bench", "compare", results_file(tmp_path, "a.json", 1.0), results_file(tmp_path, "b.json", 1.0, "b"))
    assert (done.returncode, done.stderr) == (0, "Warning: the machines differ: cpu: a and b\n")


def test_compare_refuses_a_file_without_results(sage: Run, tmp_path: Path) -> None:
    broken = tmp_path / "broken.json"
    broken.write_text('{"format": ')
    done = sage("bench", "compare", broken, broken)
    assert done.returncode == 2
    assert "broken.json is no JSON file" in done.stderr


JOB = """
from sage_local import LocalEnvironment

env = LocalEnvironment("small")
env.from_collection(range(10)).map(str).sink(lambda text: None)
env.submit()
"""
FIXED = ("--set", "frame.max-rows=10", "--set", "buffer.timeout=10ms", "--set", "ring.max-size=1mb")


def test_tune_runs_the_program_and_gives_advice(sage: Run, program: Program, tmp_path: Path) -> None:
    done = sage("bench", "tune", "-n", 1, *FIXED, "--json", "all.json", "--html", "page.html", program(JOB))
    assert (done.stderr, done.returncode) == ("", 0)
    assert "as it is" in done.stdout
    assert "much of it start-up" in done.stdout
    assert re.search("^(Leave the settings as they are|Recommended: )", done.stdout, re.MULTILINE)
    assert "<svg" in (tmp_path / "page.html").read_text()
    told = json.loads((tmp_path / "all.json").read_text())
    assert told["machine"]["cpus"] >= 1
    assert all(line in done.stdout for line in told["advice"])
    for sweep in told["sweeps"]:
        as_it_is, *others = sweep["candidates"]
        assert [trial["records"] for trial in as_it_is["trials"]] == [10]
        assert {tuple(each["settings"]) for each in others} == {(sweep["setting"],)}


def test_tune_ends_with_the_error_of_a_program_that_fails(sage: Run, program: Program) -> None:
    done = sage("bench", "tune", program("raise ValueError('mine')\n"))
    assert done.returncode == 1
    assert "program.py failed with exit code 1" in done.stderr
    assert "ValueError: mine" in done.stderr


def test_a_file_that_could_not_be_written_in_the_end_is_refused_at_the_start(sage: Run, program: Program) -> None:
    done = sage("bench", "run", program(COUNTING.replace("GOAL", "1")), "--json", "absent/results.json")
    assert (done.returncode, done.stdout) == (2, "")
    assert "there is no directory absent" in done.stderr


def test_a_workload_that_is_named_twice_runs_once(sage: Run, program: Program) -> None:
    file = program(COUNTING.replace("GOAL", "1"))
    assert sage("bench", "run", "-n", 1, file, file).stdout.count("counting: numbers") == 1


def test_an_error_of_a_workloads_file_is_shown_without_our_frames(sage: Run, program: Program) -> None:
    done = sage("bench", "run", program("WORKLOADS = 1 / 0\n"))
    assert done.returncode == 1
    assert "ZeroDivisionError" in done.stderr
    assert "sage_local" not in done.stderr


ENDLESS = """
import os, signal
from sage_local.bench.compete import compete
from sage_local.bench.workload import Workload, floor

def run(folder, records):
    with open(os.environ["STARTED"], "w") as started:
        started.write(str(os.getpid()))
    signal.pause()

def prepare(folder, records):
    (folder / "input").write_text("large")

WORKLOADS = (
    Workload(name="endless", title="it", records=1, check=None, contestants={"it": floor(run)}, prepare=prepare),
)

if __name__ == "__main__":
    compete(WORKLOADS)
"""


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_run_that_is_ended_leaves_no_process_and_no_input(
    start_sage: Start,
    program: Program,
    tmp_path: Path,
    environment: dict[str, str],
    number: signal.Signals,
    code: int,
) -> None:
    started, inputs = tmp_path / "started", tmp_path / "inputs"
    os.mkfifo(started)
    inputs.mkdir()
    environment |= {"STARTED": str(started), "TMPDIR": str(inputs)}
    process = start_sage("bench", "run", program(ENDLESS))
    contestant = int(started.read_text())
    assert list(inputs.iterdir())
    process.send_signal(number)
    process.communicate()
    assert (process.returncode, list(inputs.iterdir())) == (code, [])
    with pytest.raises(ProcessLookupError):
        os.kill(contestant, 0)
