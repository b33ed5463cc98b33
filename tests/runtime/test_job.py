from sage_local import JobResult, OperatorResult
from sage_local.runtime.job import left_out

READ = OperatorResult("read", 1, 0, 1000)


def test_a_result_is_shown_as_a_table() -> None:
    parse = OperatorResult("parse", 2, 1000, 998, records_failed=2)
    result = JobResult("job-1a2b", "job", 1.26, (READ, parse), checkpoints=3)
    assert str(result).splitlines() == [
        "job job-1a2b finished in 1.3 s; checkpoints: 3 (given up: 0), restarts: 0",
        "operator  subtasks  records in  records out  failed  late",
        "read             1           0        1,000       0     0",
        "parse            2       1,000          998       2     0",
    ]
    assert repr(result) == str(result)


def test_skipped_and_diverted_records_are_told_of() -> None:
    assert list(left_out([READ, OperatorResult("parse", 2, 1000, 998, records_failed=2)])) == [
        "operator 'parse': 2 of 1,000 records failed and were skipped or diverted (on_error)"
    ]


def test_late_records_are_told_of() -> None:
    assert list(left_out([READ, OperatorResult("sums", 2, 1000, 10, records_late=3)])) == [
        "operator 'sums': 3 of 1,000 records came too late for their windows and were dropped"
        " (side_output_late_data() keeps them)"
    ]
