import io

from sage_local import JobResult, LocalEnvironment, OperatorResult
from sage_local.cli.report import described, tell_left_out
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


def test_skipped_and_diverted_records_are_told_of_at_the_end() -> None:
    operators = (OperatorResult("read", 1, 0, 1000), OperatorResult("parse", 2, 1000, 998, records_failed=2))
    stream = io.StringIO()
    tell_left_out(JobResult("id", "job", 1.0, operators), stream)
    assert stream.getvalue() == (
        "operator 'parse': 2 of 1,000 records failed and were skipped or diverted (on_error)\n"
    )


def test_late_records_are_told_of_at_the_end() -> None:
    operators = (OperatorResult("read", 1, 0, 1000), OperatorResult("sums", 2, 1000, 10, records_late=3))
    stream = io.StringIO()
    tell_left_out(JobResult("id", "job", 1.0, operators), stream)
    assert stream.getvalue() == (
        "operator 'sums': 3 of 1,000 records came too late for their windows and were dropped"
        " (side_output_late_data() keeps them)\n"
    )
