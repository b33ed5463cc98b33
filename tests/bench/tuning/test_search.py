from collections.abc import Callable

from sage_local.bench.tuning.advice import recommendation, remarks
from sage_local.bench.tuning.search import Answer, Knob, Outcome, knobs, most_runs, search
from sage_local.bench.tuning.trial import Settings, Trial

KNOBS = [Knob("parallelism", ("1", "2")), Knob("frame.max-rows", ("10", "20"))]
Rate = Callable[[Settings, int], float | Answer]


def trial(rate: float, cpu_s: float = 1.0) -> Trial:
    return Trial(1000 / rate, 1000, cpu_s, 1, was_stopped=False)


def searched(rate: Rate, repetitions: int = 3) -> tuple[Outcome, list[str]]:
    """``rate`` gives records per second for settings and the number of the run."""
    runs: list[str] = []
    steps = search(KNOBS, repetitions)
    answer: Answer | None = None
    while True:
        try:
            _, candidate = next(steps) if answer is None else steps.send(answer)
        except StopIteration as end:
            return end.value, runs
        runs.append(",".join(f"{key}={value}" for key, value in candidate.settings.items()))
        found = rate(candidate.settings, len(runs))
        answer = trial(found) if isinstance(found, float) else found


def test_settings_that_are_faster_are_recommended_and_kept_for_the_next_sweep() -> None:
    outcome, runs = searched(lambda settings, run: 200.0 if settings.get("parallelism") == "2" else 170.0)
    assert outcome.recommended == {"parallelism": "2"}
    assert "parallelism=2,frame.max-rows=20" in runs
    assert runs[-6:] == ["", "parallelism=2"] * 3


def test_values_take_turns_with_the_settings_as_they_are() -> None:
    _, runs = searched(lambda settings, run: 100.0)
    assert runs[:9] == ["", "parallelism=1", "parallelism=2"] * 3


def test_a_value_that_is_far_behind_after_one_turn_is_not_run_again() -> None:
    _, runs = searched(lambda settings, run: 50.0 if settings.get("parallelism") == "1" else 100.0)
    assert runs.count("parallelism=1") == 1


def test_nothing_is_recommended_where_runs_differ_as_much_as_values() -> None:
    outcome, _ = searched(lambda settings, run: 100.0 + 10 * (run % 7) / 7)
    assert outcome.recommended == {}


def test_what_wins_by_chance_is_not_recommended_when_it_is_not_confirmed() -> None:
    outcome, _ = searched(lambda settings, run: 150.0 if settings == {"parallelism": "1"} and run < 9 else 125.0)
    assert (outcome.recommended, outcome.sweeps[0].winner.value) == ({}, "1")
    assert "together no better" in next(recommendation(outcome, ["sage"], ["job.py"]))


def test_a_setting_under_which_the_program_fails_is_kept_with_its_reason() -> None:
    outcome, runs = searched(lambda settings, run: "no memory" if settings.get("parallelism") == "2" else 100.0)
    assert outcome.sweeps[0].candidates[2].failure == "no memory"
    assert runs.count("parallelism=2") == 1


def test_of_equally_fast_values_the_one_that_takes_less_cpu_time_wins() -> None:
    outcome, _ = searched(lambda settings, run: trial(100, 1.0 if settings.get("parallelism") == "1" else 2.0))
    assert outcome.recommended == {"parallelism": "1"}


def test_parallelism_is_tried_in_powers_of_two_and_with_all_cpus() -> None:
    assert knobs(6)[0].values == ("1", "2", "4", "6")


def test_a_setting_that_is_fixed_is_not_tried() -> None:
    assert "buffer.timeout" not in {knob.key for knob in knobs(2, ("buffer.timeout",))}


def test_the_number_of_runs_is_known_before() -> None:
    _, runs = searched(lambda settings, run: 100.0 + 10 * len(settings))
    assert len(runs) == most_runs(KNOBS, 3)


def test_the_recommendation_is_a_command_that_can_be_copied() -> None:
    outcome, _ = searched(lambda settings, run: 200.0 if settings.get("frame.max-rows") == "20" else 170.0)
    lines = list(recommendation(outcome, ["sage", "run", "local"], ["my job.py", "--all"]))
    assert lines[0] == "Recommended: sage run local --set frame.max-rows=20 'my job.py' -- --all"


def test_a_program_too_short_to_tell_is_remarked_on() -> None:
    outcome, _ = searched(lambda settings, run: 1000.0)
    assert "much of it start-up" in next(remarks(outcome))
