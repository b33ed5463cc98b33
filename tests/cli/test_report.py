from sage_local import LocalEnvironment
from sage_local.cli.report import described
from sage_local.errors import JobCancelledError, OperatorError, PlanError, WorkerLostError


def failure(cause: BaseException) -> OperatorError:
    error = OperatorError("parse", 1, 4, "'x'", "ValueError: bad")
    error.__cause__ = cause
    return error


def test_an_operators_failure_shows_the_workers_traceback_and_one_line() -> None:
    cause = ValueError("bad")
    cause.add_note('Traceback (most recent call last):\n  File "job.py", line 3, in parse\nValueError: bad')
    error = failure(cause)
    error.add_note("logs of the job: /run/x/log")
    assert described(error) == (
        'Traceback (most recent call last):\n  File "job.py", line 3, in parse\nValueError: bad\n\n'
        "Error: operator 'parse' (subtask 2 of 4) failed on record 'x': ValueError: bad\n"
        "logs of the job: /run/x/log\n"
    )


def test_a_failure_without_frames_of_the_users_is_shown_once() -> None:
    """Of a C function: ``map(int)``."""
    assert described(failure(ValueError("bad"))).splitlines()[:2] == ["ValueError: bad", ""]


def test_a_failure_in_this_process_shows_its_own_traceback() -> None:
    try:
        int("bad")
    except ValueError as cause:
        shown = described(failure(cause))
    assert shown.startswith("Traceback (most recent call last):\n")
    assert "in test_a_failure_in_this_process_shows_its_own_traceback" in shown
    assert shown.count("ValueError: ") == 2


def test_an_error_of_the_program_shows_the_users_frames_only() -> None:
    try:
        LocalEnvironment("empty").submit()
    except PlanError as error:
        shown = described(error)
    assert "LocalEnvironment" in shown
    assert "submission.py" not in shown
    assert shown.splitlines()[-1].startswith("Error: job 'empty' has nothing to run")


def test_an_error_of_the_users_own_is_shown_as_python_shows_it() -> None:
    try:
        {}["missing"]
    except KeyError as error:
        shown = described(error)
    assert shown.endswith("KeyError: 'missing'\n")


def test_a_cancelled_job_needs_no_traceback() -> None:
    assert described(JobCancelledError("job x was cancelled")) == "Error: job x was cancelled\n"


def test_a_lost_worker_is_named() -> None:
    try:
        raise WorkerLostError(1, ("parse", "print"), "killed by SIGKILL")
    except WorkerLostError as error:
        shown = described(error)
    assert shown.endswith("Error: worker 1 ('parse', 'print') was lost: killed by SIGKILL\n")
