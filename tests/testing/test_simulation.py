"""Simulated jobs under faults are exactly once, and every fault is met in every state that it can strike in."""

from collections import Counter

import pytest

from sage_local.runtime.operators.transactions import Transactions
from sage_local.testing.simulation import Fault, Faults, SimulationFailed, simulate
from tests.testing.coverage import REACHABLE, meet, table
from tests.testing.simulated_programs import PROGRAMS, environment

pytestmark = pytest.mark.timeout(300)

RUNS = 12
"""Per program here; ``sage bench run simulation --scale`` runs as many as one likes."""


@pytest.mark.parametrize("name", PROGRAMS)
def test_whatever_goes_wrong_every_record_is_there_once(name):
    executions = sum(PROGRAMS[name].run(seed, Faults()).executions for seed in range(RUNS))
    assert executions > RUNS


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_job_that_is_stopped_and_resumed_is_exact_too(name):
    for seed in range(RUNS // 3):
        PROGRAMS[name].run(seed, Faults(most=2), stop_after=200 + 100 * seed)


def test_one_seed_is_one_run():
    program = PROGRAMS["windows"]
    assert program.run(5, Faults()).story == program.run(5, Faults()).story


def test_a_failing_run_tells_its_story(monkeypatch):
    assert PROGRAMS["sums"].expected
    monkeypatch.setattr(Transactions, "complete", lambda self, checkpoint: None)
    with pytest.raises(SimulationFailed, match=r"(?s)seed 3.*checkpoint 1 is complete") as failed:
        PROGRAMS["sums"].run(3, Faults(most=0))
    assert "lost" in str(failed.value)


def test_a_user_simulates_a_stream_in_one_line():
    stream = environment(2).from_collection(range(50)).map(lambda n: n * 2)
    assert sorted(simulate(stream, seed=7).records) == [n * 2 for n in range(50)]


def test_what_is_expected_may_be_said_and_not_only_run():
    stream = environment(1).from_collection(range(50)).map(lambda n: n * 2)
    with pytest.raises(SimulationFailed, match=r"lost \{'100': 1\}"):
        simulate(stream, seed=7, expected=range(0, 102, 2))


def test_every_fault_is_met_in_every_state_it_can_strike_in():
    coverage: Counter[tuple[str, Fault]] = Counter()
    for fault, states in REACHABLE.items():
        for state in states:
            meet(state, fault, coverage)
    missing = [
        (state, fault.name) for fault, states in REACHABLE.items() for state in states if not coverage[state, fault]
    ]
    print(f"\n{table(coverage)}")
    assert missing == []
