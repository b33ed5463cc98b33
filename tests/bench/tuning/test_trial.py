from pathlib import Path

import pytest

from sage_local.bench.tuning.trial import TrialFailed, run_trial
from tests.programs import ENDLESS

COUNTED = """
import sys
from sage_local import LocalEnvironment

env = LocalEnvironment("counted")
env.from_collection(range(int(sys.argv[1]))).map(str).sink(lambda text: None)
env.submit()
env.from_collection(range(5)).collect()
"""


def program(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "program.py"
    file.write_text(text)
    return file


def test_records_of_all_jobs_and_all_runs_of_their_sources_count(tmp_path: Path) -> None:
    """The first sink belongs to both jobs: the environment can be used again."""
    trial = run_trial(program(tmp_path, COUNTED), ["100"], {"parallelism": "2", "buffer.timeout": "10ms"}, 60)
    assert (trial.records, trial.was_stopped) == (105, False)
    assert trial.seconds > 0
    assert trial.cpu_s > 0


@pytest.mark.slow
def test_a_program_without_an_end_is_stopped_and_judged_by_what_it_did(tmp_path: Path) -> None:
    trial = run_trial(program(tmp_path, ENDLESS), [], {}, 5)
    assert trial.was_stopped
    assert trial.records > 0


def test_a_program_that_fails_is_an_error_with_what_it_said(tmp_path: Path) -> None:
    with pytest.raises(TrialFailed, match=r"(?s)program.py failed with exit code 1:.*ZeroDivisionError"):
        run_trial(program(tmp_path, "1 / 0\n"), [], {}, 60)


def test_a_setting_that_does_not_exist_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(TrialFailed, match="failed with exit code 2"):
        run_trial(program(tmp_path, COUNTED), ["1"], {"no.such": "1"}, 60)


def test_a_program_without_a_job_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(TrialFailed, match="finished no job that read a record"):
        run_trial(program(tmp_path, "x = 1\n"), [], {}, 60)
