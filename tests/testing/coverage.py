"""Which faults can strike in which states of a job, and how to meet them there."""

from collections import Counter

from sage_local.testing.simulation import Fault, Faults
from tests.testing.simulated_programs import PROGRAMS

IN_FLIGHT = ("triggered", "collecting", "taking the last")
RUNNING = ("idle", *IN_FLIGHT, "over")
STATES = ("starting", "idle", "triggered", "collecting", "storing", "taking the last", "over", "ending", "restarting")
WORKING = ("starting", *RUNNING, "ending")
SNAPSHOT = ("idle", *IN_FLIGHT)
"""Tasks that end leave snapshots without being told to."""
ALWAYS = (*WORKING, "restarting")
MANIFEST = ("storing", "taking the last")

REACHABLE: dict[Fault, tuple[str, ...]] = {
    Fault.WORKER_STARTS_LATE: ("restarting",),
    Fault.WORKER_DIES: WORKING,
    Fault.WORKER_IS_STUCK: ("ending",),
    Fault.WORKER_DIES_BEFORE_WRITING: SNAPSHOT,
    Fault.WORKER_DIES_AFTER_WRITING: SNAPSHOT,
    Fault.WORKER_DIES_AT_RESTORE: ("starting", "idle"),
    Fault.SINK_DIES_BEFORE_PREPARE: SNAPSHOT,
    Fault.SINK_DIES_AFTER_PREPARE: SNAPSHOT,
    Fault.SINK_DIES_BEFORE_COMMIT: ("starting", "idle", "triggered", "over"),
    Fault.SINK_DIES_AFTER_COMMIT: ("starting", "idle", "triggered", "over"),
    Fault.PREPARE_FAILS: SNAPSHOT,
    Fault.COMMIT_FAILS: ("starting", "idle", "triggered", "over"),
    Fault.COORDINATOR_DIES: ALWAYS,
    Fault.COORDINATOR_DIES_BEFORE_MANIFEST: MANIFEST,
    Fault.COORDINATOR_DIES_AFTER_MANIFEST: MANIFEST,
    Fault.COORDINATOR_DIES_AT_RESTORE: ("restarting",),
    Fault.COORDINATOR_DIES_SWEEPING: ("idle", "over"),
    Fault.USER_CODE_FAILS: WORKING,
    Fault.WRITE_FAILS: SNAPSHOT,
    Fault.WRITE_IS_SLOW: SNAPSHOT,
    Fault.MANIFEST_FAILS: MANIFEST,
    Fault.DELETE_FAILS: ("idle", "over"),
    Fault.FILE_TORN: ALWAYS,
    Fault.FILE_FLIPPED: ALWAYS,
    Fault.FILE_VANISHES: ALWAYS,
    Fault.ACKNOWLEDGEMENT_LOST: (*IN_FLIGHT, "ending"),
    Fault.ACKNOWLEDGEMENT_SLOW: (*IN_FLIGHT, "ending"),
    Fault.ACKNOWLEDGEMENT_OVERTAKEN: IN_FLIGHT,
    Fault.ACKNOWLEDGEMENT_REPEATED: (*IN_FLIGHT, "ending"),
    Fault.CLOCK_JUMPS: ALWAYS,
}
"""Where a fault has to be met. Elsewhere it can not strike (a manifest is written in one go), or only by a rare chance
(a file that is still being written while its job ends)."""


def schedule(state: str, fault: Fault, seed: int) -> Faults:
    """Faults among which ``fault`` strikes in ``state``, if that comes; others bring the job there."""
    others = {Fault.USER_CODE_FAILS, Fault.WORKER_DIES}
    if seed % 2:
        others = {Fault.USER_CODE_FAILS, Fault.ACKNOWLEDGEMENT_SLOW, Fault.WRITE_FAILS, Fault.MANIFEST_FAILS}
    return Faults(rate=0.3, most=1 + seed // 4, kinds=frozenset(others), aim=(state, fault))


def meet(state: str, fault: Fault, coverage: Counter[tuple[str, Fault]]) -> None:
    """Run until ``fault`` has struck in ``state``."""
    programs = list(PROGRAMS.values())
    for seed in range(60):
        if coverage[state, fault]:
            return
        program = programs[seed % len(programs)]
        stop_after = 150 if seed % 4 == 3 else None
        coverage.update(program.run(seed, schedule(state, fault, seed), stop_after=stop_after).coverage)


def table(coverage: Counter[tuple[str, Fault]]) -> str:
    """How often each fault struck in each state; ``-`` where it can not."""
    lines = [" " * 34 + "".join(f"{state:>16}" for state in STATES)]
    for fault, states in REACHABLE.items():
        cells = (str(coverage[state, fault]) if state in states or coverage[state, fault] else "-" for state in STATES)
        lines.append(f"{fault.name.lower().replace('_', ' '):34}" + "".join(f"{cell:>16}" for cell in cells))
    return "\n".join(lines)
