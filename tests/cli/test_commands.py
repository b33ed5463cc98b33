import re
import subprocess
from collections.abc import Callable
from pathlib import Path

from tests.programs import ENDLESS

Program = Callable[[str], Path]
Run = Callable[..., subprocess.CompletedProcess[str]]
Start = Callable[..., subprocess.Popen[str]]


def test_version_is_that_of_the_distribution(sage: Run) -> None:
    assert re.fullmatch(r"sage \d+\.\d+\.\d+\S*\n", sage("--version").stdout)


def test_help_lists_every_command(sage: Run) -> None:
    listed = sage("--help").stdout
    assert [
        name
        for name in ("run", "plan", "list", "stack", "explain-window", "stop", "checkpoint", "bench", "check-env")
        if f"\n  {name} " not in listed
    ] == []


def test_check_env_finds_nothing_missing_where_the_tests_run(sage: Run) -> None:
    done = sage("check-env")
    assert (done.returncode, done.stderr) == (0, "")
    assert "missing" not in done.stdout


def test_check_env_config_prints_the_table_of_settings(sage: Run) -> None:
    assert "| `parallelism` | integer |" in sage("check-env", "--config").stdout


def test_plan_explains_and_runs_nothing(sage: Run, program: Program) -> None:
    done = sage("plan", "--parallelism=2", program(ENDLESS))
    assert (done.stderr, done.returncode) == ("", 0)
    assert done.stdout.startswith("Job 'endless': 2 workers, parallelism 2")
    assert sage("plan", "--mermaid", program(ENDLESS)).stdout.startswith("flowchart")


def test_plan_of_a_program_without_a_job_is_an_error(sage: Run, program: Program) -> None:
    done = sage("plan", program("x = 1\n"))
    assert (done.stdout, done.returncode) == ("", 1)
    assert "ended without submitting a job" in done.stderr


def test_a_running_job_is_listed_shows_its_stacks_and_can_be_stopped(
    sage: Run, start_sage: Start, program: Program
) -> None:
    process = start_sage("run", "local", "--parallelism=2", program(ENDLESS))
    assert process.stdout is not None
    process.stdout.readline()
    (row,) = sage("list").stdout.splitlines()[1:]
    job, name, state, *_ = row.split()
    assert (name, state) == ("endless", "running")
    assert sage("stack", job).stdout.count("most recent call first") >= 2
    assert sage("stop", name).stdout == f"job {job} finished\n"
    process.communicate()
    assert process.returncode == 0
    assert sage("list").stdout.splitlines()[1:] == []


def test_a_job_that_does_not_run_is_a_usage_error(sage: Run) -> None:
    done = sage("stop", "nothing")
    assert done.returncode == 2
    assert "no running job has the id or name 'nothing'" in done.stderr


WAITING = """
import threading
from sage_local import LocalEnvironment, TumblingEventTimeWindows, WatermarkStrategy

def numbers():
    yield from [(1, 1_000), (1, 5_000), ("b", 6_000), (1, 15_000), (1, 2_000)]
    threading.Event().wait()

env = LocalEnvironment("waiting")
stamped = env.from_generator(numbers).assign_timestamps_and_watermarks(
    WatermarkStrategy.for_monotonous_timestamps().with_timestamp_assigner(1)
)
stamped.key_by(lambda record: record[0]).window(TumblingEventTimeWindows.of("10s")).count(name="counts").print()
env.submit()
"""


def test_a_running_job_explains_its_windows(sage: Run, start_sage: Start, program: Program) -> None:
    process = start_sage("run", "local", "--parallelism=2", program(WAITING))
    assert process.stdout is not None
    process.stdout.readline()
    told = sage("explain-window", "waiting", "counts", "1").stdout
    assert "windows of operator 'counts', key 1\n" in told
    assert "[1970-01-01T00:00:10.000Z, 1970-01-01T00:00:20.000Z): fires when the watermark reaches" in told
    assert "from 'counts (combine)': watermark 1970-01-01T00:00:14.999Z\n" in told
    refused = sage("explain-window", "waiting", "timestamps")
    assert (refused.returncode, "'timestamps' is of kind AssignTimestamps" in refused.stderr) == (1, True)
    sage("stop", "waiting", "--now")
    process.communicate()
