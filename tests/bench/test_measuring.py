from collections.abc import Callable
from pathlib import Path

import pytest

from sage_local.bench.catalog import find
from sage_local.bench.measuring import ContestantFailed, measure
from sage_local.bench.results import WorkloadResult

File = Callable[..., Path]


def measured(file: Path, repetitions: int = 1, scale: float = 1) -> WorkloadResult:
    (found,) = find([str(file)])
    return measure(found, repetitions, scale, lambda text: None)


def test_start_up_is_subtracted_from_time_and_from_the_number_of_records(workload_file: File) -> None:
    loop = measured(workload_file()).contestants["loop"].measures
    assert round(loop["seconds"].median, 9) == 0.090
    assert round(loop["records_per_s"].median, 6) == 1000
    assert loop["start_up_s"].median > 0


def test_scale_multiplies_the_work_of_which_the_rest_is_start_up(workload_file: File) -> None:
    result = measured(workload_file(), scale=2)
    assert result.records == 200
    assert round(result.contestants["loop"].measures["seconds"].median, 9) == 0.190


def test_contestants_take_turns_and_every_repetition_counts(workload_file: File) -> None:
    (found,) = find([str(workload_file())])
    told: list[str] = []
    result = measure(found, 2, 1, told.append)
    assert [text.removeprefix("adding: ") for text in told if " of 2" in text] == [
        "loop (1 of 2)",
        "again (1 of 2)",
        "loop (2 of 2)",
        "again (2 of 2)",
    ]
    assert len(result.contestants["again"].measures["seconds"].values) == 2


def test_figures_are_made_of_each_round_and_judged_by_their_goals(workload_file: File) -> None:
    figure = measured(workload_file()).figures[0]
    assert figure.spread is not None
    assert (round(figure.spread.median, 9), figure.is_reached) == (0.5, True)


def test_a_contestant_without_its_packages_is_skipped_with_the_figures_made_of_it(workload_file: File) -> None:
    result = measured(workload_file())
    assert result.contestants["absent"].skipped == "not installed: there_is_no_such_package"
    assert (result.figures[1].spread, result.figures[1].is_reached) == (None, None)


def test_work_that_does_not_stand_out_from_start_up_is_not_measured(workload_file: File) -> None:
    result = measured(workload_file(("seconds=records / 1000", "seconds=0.001")))
    assert "seconds" not in result.contestants["loop"].measures


def test_a_wrong_result_fails_the_run_and_says_what_was_expected(workload_file: File) -> None:
    with pytest.raises(ContestantFailed) as caught:
        measured(workload_file(("return Timed(sum(", "return Timed(1 + sum(")))
    assert str(caught.value) == (
        "workload adding, contestant loop exited with 1:\nwrong result: sum: expected 4950, found 4951"
    )


def test_a_contestant_that_raises_fails_the_run_with_its_traceback(workload_file: File) -> None:
    with pytest.raises(ContestantFailed, match=r"(?s)contestant loop exited with 1:.*ZeroDivisionError"):
        measured(workload_file(("return Timed(sum(", "return Timed(1 // 0 + sum(")))


def test_a_contestant_that_ends_without_a_report_fails_the_run(workload_file: File) -> None:
    with pytest.raises(ContestantFailed, match="ended without a report"):
        measured(workload_file(("return Timed(sum(", "sys.exit()\n    return Timed(sum(")))


def test_the_oracles_cpu_time_is_not_that_of_the_contestant(workload_file: File) -> None:
    """The oracle computes for half a second where there is much work, and the contestants next to nothing."""
    busy = "import time\n    while records == 100 and time.process_time() < 0.5: pass\n    "
    loop = measured(workload_file(('expect("sum"', f'{busy}expect("sum"'))).contestants["loop"].measures
    assert "cpu_s" not in loop or loop["cpu_s"].median < 0.25
