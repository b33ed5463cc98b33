"""Which settings to try next, and what follows from the results: a decider, which runs nothing itself.

One knob after the other, each from the best settings so far: a product of all values would take hundreds of runs, and
the knobs hardly depend on each other. Within a sweep the values take turns with the settings as they are.
"""

from collections.abc import Generator, Sequence
from dataclasses import dataclass, field

from sage_local.bench.results import Spread
from sage_local.bench.tuning.trial import Settings, Trial

_STAYS = 0.8
"""After one turn, whoever has less than this part of the best rate is not run again."""
_LEAST_GAIN = 0.03
"""Of the median; less is not worth a setting in somebody's program."""


@dataclass(frozen=True, slots=True)
class Knob:
    """A setting and the values to try."""

    key: str
    values: tuple[str, ...]


@dataclass(slots=True)
class Candidate:
    """Settings and how they did; ``value`` is that of the knob at hand, None for the settings as they are."""

    settings: Settings
    value: str | None
    trials: list[Trial] = field(default_factory=list)
    failure: str | None = None

    @property
    def rate(self) -> Spread:
        """Records per second; there has to be a trial."""
        return Spread(tuple(trial.records_per_s for trial in self.trials))

    @property
    def cpu(self) -> Spread:
        """CPU seconds per million records; there has to be a trial."""
        return Spread(tuple(trial.cpu_s_per_million for trial in self.trials))

    @property
    def peak_bytes(self) -> int:
        """Of all trials."""
        return max(trial.peak_bytes for trial in self.trials)


@dataclass(frozen=True, slots=True)
class Sweep:
    """The values of one knob. The first candidate is the settings as they were."""

    key: str
    candidates: tuple[Candidate, ...]
    winner: Candidate


@dataclass(frozen=True, slots=True)
class Outcome:
    """``recommended`` is empty where nothing was better than the program as it is.

    ``before`` and ``after`` ran in turns at the end; they are None where no sweep had found anything.
    """

    sweeps: tuple[Sweep, ...]
    recommended: Settings
    before: Candidate | None = None
    after: Candidate | None = None


Answer = Trial | str
"""What came of a run: a trial, or why there is none."""


def knobs(cpus: int, fixed: Sequence[str] = ()) -> list[Knob]:
    """What is tried on a machine with so many CPUs, but for the ``fixed`` settings."""
    parallelisms = sorted({cpus, *(1 << power for power in range(cpus.bit_length()) if 1 << power <= cpus)})
    tried = [
        Knob("parallelism", tuple(map(str, parallelisms))),
        Knob("frame.max-rows", ("1024", "4096", "16384")),
        Knob("buffer.timeout", ("10ms", "100ms", "1s")),
        Knob("ring.max-size", ("1mb", "4mb", "16mb")),
    ]
    return [knob for knob in tried if knob.key not in fixed]


def most_runs(tried: Sequence[Knob], repetitions: int) -> int:
    """How many runs a search takes if every value is as good as the best."""
    return repetitions * (sum(1 + len(knob.values) for knob in tried) + 2)


def search(tried: Sequence[Knob], repetitions: int) -> Generator[tuple[str, Candidate], Answer, Outcome]:
    """Yields what to run, with the name of the sweep; is sent what came of it."""
    best: Settings = {}
    sweeps = []
    for knob in tried:
        candidates = [Candidate(best, None), *(Candidate({**best, knob.key: value}, value) for value in knob.values)]
        yield from _in_turns(knob.key, candidates, repetitions)
        winner = _winner(candidates)
        sweeps.append(Sweep(knob.key, tuple(candidates), winner))
        best = winner.settings
    if not best:
        return Outcome(tuple(sweeps), best)
    before, after = Candidate({}, None), Candidate(best, None)
    yield from _in_turns("all together", [before, after], repetitions)
    is_confirmed = after.failure is None and is_better(after, before)
    return Outcome(tuple(sweeps), best if is_confirmed else {}, before, after)


def _in_turns(name: str, candidates: Sequence[Candidate], repetitions: int) -> Generator[tuple[str, Candidate], Answer]:
    running = list(candidates)
    for _ in range(repetitions):
        for candidate in running:
            answer = yield name, candidate
            if isinstance(answer, str):
                candidate.failure = answer
            else:
                candidate.trials.append(answer)
        running = _worth_another_turn(running)


def _worth_another_turn(running: Sequence[Candidate]) -> list[Candidate]:
    sound = [each for each in running if each.failure is None]
    best = max((each.rate.median for each in sound), default=0.0)
    return [each for each in sound if each.value is None or each.rate.median >= _STAYS * best]


def _winner(candidates: Sequence[Candidate]) -> Candidate:
    """The fastest of those that are faster than the settings as they are; else the one that is as fast for less CPU."""
    control = candidates[0]
    better = [each for each in candidates[1:] if each.failure is None and is_better(each, control)]
    faster = [each for each in better if is_above(each.rate, control.rate)]
    if faster:
        return max(faster, key=lambda each: each.rate.median)
    return min(better, key=lambda each: each.cpu.median, default=control)


def is_better(candidate: Candidate, control: Candidate) -> bool:
    """Whether it is faster by more than the runs of each differ, or else not slower and uses less CPU time by that."""
    if is_above(candidate.rate, control.rate):
        return True
    return not is_above(control.rate, candidate.rate) and is_above(control.cpu, candidate.cpu)


def is_above(one: Spread, other: Spread) -> bool:
    """Whether every value of one is above every value of the other, and the median by something worth having."""
    return one.low > other.high and one.median > (1 + _LEAST_GAIN) * other.median
