"""Simulated jobs under faults are exactly once, and every fault is met in every state that it can strike in."""

from collections import Counter

import pytest

from sage_local.testing.simulation import Fault, Faults, SimulationFailed, simulate
from tests.testing.simulated_programs import PROGRAMS, environment

pytestmark = pytest.mark.timeout(300)

RUNS = 12
"""Per program here; ``benchmarks/simulation.py`` runs as many as one likes."""


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
    from sage_local.runtime.operators.transactions import Transactions

    assert PROGRAMS["sums"].expected
    monkeypatch.setattr(Transactions, "complete", lambda self, checkpoint: None)
    with pytest.raises(SimulationFailed, match=r"(?s)seed 3.*checkpoint 1 is complete") as failed:
        PROGRAMS["sums"].run(3, Faults(most=0))
    assert "lost" in str(failed.value)


def test_a_user_simulates_a_stream_in_one_line():
    stream = environment(2).from_collection(range(50)).map(lambda n: n * 2)
    assert sorted(simulate(stream, seed=7).records) == [n * 2 for n in range(50)]


IN_FLIGHT = ("triggered", "collecting")
REACHABLE = {
    Fault.WORKER_DIES: ("idle", *IN_FLIGHT, "ending"),
    Fault.WORKER_DIES_BEFORE_WRITING: ("idle", *IN_FLIGHT),
    Fault.WORKER_DIES_AFTER_WRITING: ("idle", *IN_FLIGHT),
    Fault.SINK_DIES_BEFORE_PREPARE: ("idle", *IN_FLIGHT),
    Fault.SINK_DIES_AFTER_PREPARE: ("idle", *IN_FLIGHT),
    Fault.SINK_DIES_BEFORE_COMMIT: ("idle",),
    Fault.SINK_DIES_AFTER_COMMIT: ("idle",),
    Fault.WORKER_DIES_AT_RESTORE: ("idle",),
    Fault.COORDINATOR_DIES: ("idle", *IN_FLIGHT, "ending"),
    Fault.COORDINATOR_DIES_BEFORE_MANIFEST: ("storing",),
    Fault.COORDINATOR_DIES_AFTER_MANIFEST: ("storing",),
    Fault.WRITE_FAILS: ("idle", *IN_FLIGHT),
    Fault.MANIFEST_FAILS: ("storing",),
    Fault.ACKNOWLEDGEMENT_LOST: IN_FLIGHT,
    Fault.USER_CODE_FAILS: ("idle", *IN_FLIGHT),
}
"""The states of the checkpoint coordinator in which each fault can strike. Others can not be: nothing is written while
nothing is asked for, and a manifest is written in one state only."""
STATES = ("idle", *IN_FLIGHT, "storing", "ending")


def test_every_fault_is_met_in_every_state_it_can_strike_in(capsys):
    coverage: Counter[tuple[str, Fault]] = Counter()
    for fault, states in REACHABLE.items():
        for state in states:
            _meet(fault, state, coverage)
    with capsys.disabled():
        print("\n" + table(coverage))
    missing = [
        (state, fault.name) for fault, states in REACHABLE.items() for state in states if not coverage[state, fault]
    ]
    assert missing == []


def _meet(fault: Fault, state: str, coverage: Counter) -> None:
    """Run until ``fault`` has struck in ``state``."""
    programs = list(PROGRAMS.values())
    for seed in range(40):
        if coverage[state, fault]:
            return
        kinds = frozenset({fault} if state != "ending" else {fault, Fault.USER_CODE_FAILS, Fault.WORKER_DIES})
        faults = Faults(
            rate=0.3, most=2 if state != "ending" else 3, kinds=kinds, aim=None if state == "ending" else state
        )
        coverage.update(programs[seed % len(programs)].run(seed, faults).coverage)


def table(coverage: Counter) -> str:
    """How often each fault struck in each state; ``-`` where it can not."""
    lines = [" " * 34 + "".join(f"{state:>12}" for state in STATES)]
    for fault, states in REACHABLE.items():
        cells = (str(coverage[state, fault]) if state in states or coverage[state, fault] else "-" for state in STATES)
        lines.append(f"{fault.name.lower().replace('_', ' '):34}" + "".join(f"{cell:>12}" for cell in cells))
    return "\n".join(lines)
