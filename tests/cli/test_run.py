import json
import os
import pty
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import sage_local
from tests.programs import ENDLESS

Program = Callable[[str], Path]
Run = Callable[..., subprocess.CompletedProcess[str]]
Start = Callable[..., subprocess.Popen[str]]

FAILING = """
from sage_local import LocalEnvironment

def parse(text):
    return int(text)

env = LocalEnvironment("failing")
env.from_collection(["1", "two", "3"]).map(parse).print()
env.submit()
"""

THREE = """
from sage_local import LocalEnvironment

env = LocalEnvironment("three")
env.from_collection([1, 2, 3]).map(lambda x: x * 10).print()
env.submit()
"""


@pytest.mark.parametrize("options", [(), ("--parallelism=3",), ("--inline",)], ids=str)
def test_a_program_prints_its_records_in_order_and_nothing_else(
    sage: Run, program: Program, options: tuple[str, ...]
) -> None:
    done = sage("run", "local", *options, program(THREE))
    assert (done.stdout, done.stderr, done.returncode) == ("10\n20\n30\n", "", 0)


def test_the_program_is_run_as_python_would_run_it(sage: Run, program: Program, tmp_path: Path) -> None:
    (tmp_path / "neighbour.py").write_text("NAME = 'neighbour'\n")
    file = program("import sys, neighbour\nprint(__name__, sys.argv[1:], neighbour.NAME)\nsys.exit(7)\n")
    done = sage("run", "local", file, "--", "--flag", "word")
    assert (done.stdout, done.returncode) == ("__main__ ['--flag', 'word'] neighbour\n", 7)


@pytest.mark.parametrize("options", [("--parallelism=2",), ("--inline",)], ids=str)
def test_a_failure_is_shown_once_with_operator_subtask_record_and_the_users_traceback(
    sage: Run, program: Program, options: tuple[str, ...]
) -> None:
    file = program(FAILING)
    done = sage("run", "local", *options, file)
    lines = done.stderr.splitlines()
    assert done.returncode == 1
    assert lines[0] == "Traceback (most recent call last):"
    assert lines[1] == f'  File "{file}", line 5, in parse'
    assert done.stderr.count("Traceback") == 1
    assert "sage_local" not in done.stderr
    error = next(line for line in lines if line.startswith("Error: "))
    assert error.startswith("Error: operator 'parse' (subtask ")
    assert " failed on record 'two': ValueError: invalid literal" in error


def test_an_exception_of_the_program_itself_is_shown_without_the_engines_frames(sage: Run, program: Program) -> None:
    file = program("def f():\n    raise KeyError('mine')\n\nf()\n")
    done = sage("run", "local", file)
    assert done.returncode == 1
    assert done.stderr == (
        "Traceback (most recent call last):\n"
        f'  File "{file}", line 4, in <module>\n    f()\n'
        f"  File \"{file}\", line 2, in f\n    raise KeyError('mine')\n"
        "KeyError: 'mine'\n"
    )


def test_a_program_in_a_pipe_is_refused(sage: Run, tmp_path: Path) -> None:
    """It would seem to be empty."""
    os.mkfifo(tmp_path / "pipe")
    done = sage("run", "local", tmp_path / "pipe")
    assert done.returncode == 1
    assert (
        done.stderr == f"Error: {tmp_path}/pipe is not a regular file: expected one with the program, such as job.py\n"
    )


def test_a_program_that_submits_nothing_is_told_so(sage: Run, program: Program) -> None:
    """``submit()`` is easily forgotten."""
    file = program("from sage_local import LocalEnvironment\nLocalEnvironment('p').from_collection([1]).print()\n")
    done = sage("run", "local", file)
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr == f"sage: {file} ended without submitting a job\n"


def test_with_a_safe_path_the_programs_directory_is_not_on_it(
    program: Program, environment: dict[str, str], tmp_path: Path
) -> None:
    file = program("import sys\nprint(sys.path)\n")
    ran = [
        subprocess.run(
            [sys.executable, "-P", *command, file], cwd=tmp_path, env=environment, capture_output=True, text=True
        ).stdout
        for command in ([], ["-m", "sage_local", "run", "local"])
    ]
    assert ran[0] == ran[1]


def test_a_program_that_is_named_from_a_directory_that_is_gone_is_told_so(
    program: Program, environment: dict[str, str], tmp_path: Path
) -> None:
    program(THREE)
    (tmp_path / "gone").mkdir()
    run = f'cd gone && rmdir ../gone && exec "{sys.executable}" -m sage_local run local "$0"'
    command = ["sh", "-c", run]
    environment["PYTHONPATH"] = str(Path(sage_local.__file__).parents[1])

    def ran(file: object) -> subprocess.CompletedProcess[str]:
        (tmp_path / "gone").mkdir(exist_ok=True)
        return subprocess.run(
            [*command, str(file)], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
        )

    relative = ran("../program.py")
    assert (relative.returncode, relative.stdout) == (1, "")
    assert relative.stderr == (
        "Error: the current directory is gone, so where ../program.py lies can not be told: change to another directory"
        "\n"
    )
    assert ran(tmp_path / "program.py").stdout == "10\n20\n30\n"


def test_a_run_directory_that_can_not_be_used_is_one_line_below_the_users(
    sage: Run, program: Program, environment: dict[str, str]
) -> None:
    environment["SAGE_RUN_DIR"] = "/proc/none"
    file = program(THREE)
    done = sage("run", "local", file)
    assert done.stderr == (
        f'Traceback (most recent call last):\n  File "{file}", line 6, in <module>\n    env.submit()\n\n'
        "Error: run directory /proc/none can not be used: No such file or directory: set SAGE_RUN_DIR to another\n"
    )


def test_where_to_run_is_easily_forgotten_too(sage: Run) -> None:
    done = sage("run", "program.py", "--parallelism=2")
    assert done.returncode == 2
    assert "Error: expected where to run, found program.py: sage run local program.py --parallelism=2\n" in done.stderr


def test_a_parallelism_that_is_no_number_is_told_what_was_expected(sage: Run, program: Program) -> None:
    done = sage("run", "local", "--parallelism=two", program(THREE))
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1] == (
        "Error: Invalid value for '--parallelism': expected a whole number of at least 1, found 'two'"
    )


def test_a_misspelt_setting_is_a_usage_error(sage: Run, program: Program) -> None:
    done = sage("run", "local", "--set", "paralelism=2", program(THREE))
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1] == "Error: unknown setting 'paralelism' (--set): did you mean 'parallelism'?"


def test_a_setting_that_is_not_built_is_refused(sage: Run, program: Program) -> None:
    done = sage("run", "local", "--set", "state.backend=rocksdb", program(THREE))
    assert (done.stdout, done.returncode) == ("", 1)
    assert "state.backend = rocksdb" in done.stderr


def test_the_command_line_wins_over_the_program(sage: Run, program: Program) -> None:
    text = THREE.replace('"three"', '"three", config={"parallelism": 1}')
    done = sage("plan", "--parallelism=5", program(text))
    assert "parallelism 5" in done.stdout.splitlines()[0]


def test_a_reader_that_leaves_ends_the_job_quietly(start_sage: Start, program: Program) -> None:
    process = start_sage("run", "local", "--parallelism=2", program(ENDLESS))
    assert process.stdout is not None
    assert process.stderr is not None
    assert process.stdout.readline() == "0\n"
    process.stdout.close()
    assert process.stderr.read() == ""
    assert process.wait() == 141


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_ctrl_c_drains_and_is_told_to_the_shell(
    start_sage: Start, program: Program, number: signal.Signals, code: int
) -> None:
    process = start_sage("run", "local", "--parallelism=2", program(ENDLESS))
    assert process.stdout is not None
    assert process.stderr is not None
    assert process.stdout.readline() == "0\n"
    process.send_signal(number)
    # Not communicate(), which would leave out what readline() has taken from the pipe beyond its line.
    *numbers, last = process.stdout.read().splitlines()
    assert [int(line) for line in numbers] == list(range(1, len(numbers) + 1))
    assert (last, process.stderr.read(), process.wait()) == ("drained", "", code)


def test_on_a_terminal_there_is_a_progress_line(program: Program, environment: dict[str, str], tmp_path: Path) -> None:
    file = program(
        ENDLESS.replace("from_generator(itertools.count, rate=100)", "from_collection(range(200))").replace(
            ".print()", ".map(lambda x: __import__('time').sleep(0.005)).filter(bool).print()"
        )
    )
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "sage_local", "run", "local", "--parallelism=1", str(file)]
    process = subprocess.Popen(
        command, cwd=tmp_path, env={**environment, "TERM": "xterm", "COLUMNS": "120"}, stdout=theirs, stderr=theirs
    )
    os.close(theirs)
    screen = b""
    try:
        while block := os.read(ours, 4096):
            screen += block
    except OSError:  # EIO: the other side of the terminal is closed
        pass
    os.close(ours)
    assert process.wait() == 0
    assert " · from_collection ".encode() in screen
    assert b"\r\x1b[2Kdrained\r\n" in screen
    assert screen.endswith(b"\r\x1b[2K")


def test_a_result_that_finds_no_room_is_one_line(sage: Run, program: Program) -> None:
    done = sage("run", "local", "--result", "/dev/full", program(THREE))
    assert (done.returncode, done.stdout) == (1, "10\n20\n30\n")
    assert done.stderr == "Error: /dev/full could not be written: No space left on device\n"


def test_what_jobs_did_can_be_written_to_a_file(sage: Run, program: Program, tmp_path: Path) -> None:
    assert sage("run", "local", "--result", "result.json", program(THREE)).returncode == 0
    (job,) = json.loads((tmp_path / "result.json").read_text())
    assert (job["name"], [operator["records_out"] for operator in job["operators"]]) == ("three", [3, 3, 0])
