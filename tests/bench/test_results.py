import json
from pathlib import Path

import pytest

from sage_local.bench.results import (
    BadResults,
    ContestantResult,
    FigureResult,
    Results,
    Spread,
    WorkloadResult,
    is_better,
    read_results,
    write_results,
)
from sage_local.bench.workload import Role

RESULTS = Results(
    {"cpu": "a", "memory_bytes": 1},
    3,
    (
        WorkloadResult(
            "adding",
            "sums",
            100,
            {
                "loop": ContestantResult(Role.FLOOR, {"seconds": Spread((1.0, 3.0, 2.0))}),
                "absent": ContestantResult(Role.PEER, {}, "not installed: x"),
            },
            (FigureResult("ratio", Spread((0.5,)), 0.4, False), FigureResult("other", None, 1.0, True)),
        ),
    ),
)


def test_results_survive_their_file(tmp_path: Path) -> None:
    write_results(RESULTS, tmp_path / "results.json")
    assert read_results(tmp_path / "results.json") == RESULTS


def test_the_file_says_medians_and_verdicts_to_those_who_read_it_without_us(tmp_path: Path) -> None:
    write_results(RESULTS, tmp_path / "results.json")
    (workload,) = json.loads((tmp_path / "results.json").read_text())["workloads"]
    assert workload["contestants"]["loop"]["measures"]["seconds"]["median"] == 2.0
    assert [figure["is_reached"] for figure in workload["figures"]] == [True, None]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "is no JSON file"),
        ("[]", "holds no results of sage bench run: expected format 'sage-bench/1', found None"),
        ('{"format": "sage-bench/9"}', "found 'sage-bench/9'"),
        ('{"format": "sage-bench/1"}', "is damaged: KeyError: 'workloads'"),
        (
            '{"format": "sage-bench/1", "workloads": [3], "machine": {}, "repetitions": 1, "scale": 1}',
            "is damaged: TypeError",
        ),
    ],
)
def test_a_file_without_results_is_an_error_that_names_it(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "results.json"
    file.write_text(text)
    with pytest.raises(BadResults) as caught:
        read_results(file)
    assert str(file) in str(caught.value)
    assert message in str(caught.value)


def test_a_file_that_is_not_there_is_an_error_that_names_it(tmp_path: Path) -> None:
    with pytest.raises(BadResults, match=r"can not read .*absent: No such file"):
        read_results(tmp_path / "absent")


def test_rates_are_better_the_larger_and_all_else_the_smaller() -> None:
    assert is_better("records_per_s", 2, 1)
    assert is_better("start_up_s", 1, 2)
