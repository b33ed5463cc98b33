"""What came of a search, in words."""

import shlex
from collections.abc import Iterator, Sequence

from sage_local.bench.tuning.search import Candidate, Outcome
from sage_local.bench.tuning.trial import options
from sage_local.bench.units import number

_SHORT_S = 3.0
"""About half a second of every job is start-up; below this that is a good part of what was measured."""


def remarks(outcome: Outcome) -> Iterator[str]:
    """Why the figures may mislead."""
    control = outcome.sweeps[0].candidates[0] if outcome.sweeps else None
    if control is None:
        return
    trials = [trial for sweep in outcome.sweeps for each in sweep.candidates for trial in each.trials]
    whole = {trial.records for trial in trials if not trial.was_stopped}
    if any(trial.was_stopped for trial in trials):
        yield "Some runs were stopped before they had read all: they are judged by records per second."
    if len(whole) > 1:
        yield (
            f"Warning: whole runs read between {min(whole):,} and {max(whole):,} records. The program does not do the"
            " same work each time."
        )
    seconds = min(trial.seconds for trial in control.trials)
    if seconds < _SHORT_S:
        yield f"Warning: the program's jobs take {number(seconds)} s, much of it start-up. Give it more to do."


def recommendation(outcome: Outcome, command: Sequence[str], program: Sequence[str]) -> Iterator[str]:
    """What to set and what it brings; ``command`` and ``program`` are the words before and behind the options."""
    before, after = outcome.before, outcome.after
    if before is None or after is None:
        yield "Leave the settings as they are: nothing that was tried is better by more than runs differ."
        return
    if not outcome.recommended:
        yield (
            "Leave the settings as they are: those that won one by one are together no better than what the program has"
            f" ({_told(after)} against {_told(before)})."
        )
        return
    words = [*command, *options(outcome.recommended), *_behind(program)]
    yield f"Recommended: {shlex.join(words)}"
    yield f"In the program: config={dict(outcome.recommended)!r}"
    factor = after.rate.median / before.rate.median
    yield f"That gives {_told(after)} against {_told(before)} as it is: {factor:.2f} times the rate."
    if "buffer.timeout" in outcome.recommended:
        yield "buffer.timeout also bounds how long a record waits for its batch: latency was not measured."


def _behind(program: Sequence[str]) -> list[str]:
    file, *arguments = program
    return [file, "--", *arguments] if arguments else [file]


def _told(candidate: Candidate) -> str:
    return f"{number(candidate.rate.median)} records/s with {number(candidate.cpu.median)} CPU s per million"
