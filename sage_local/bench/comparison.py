"""Two results side by side: what differs by more than repetitions differ from each other."""

from collections.abc import Iterator
from dataclasses import dataclass

from sage_local.bench.machine import differences
from sage_local.bench.results import ContestantResult, Results, Spread, WorkloadResult, is_better
from sage_local.bench.units import in_order
from sage_local.bench.workload import Role

_LEAST_CHANGE = 0.05
"""Of the median: what is smaller moves with where the loader puts things, however alike repetitions are."""
_FEWEST = 3
_TOLD_ALREADY = "records_per_s"
"""Seconds say the same."""


@dataclass(frozen=True, slots=True)
class Change:
    """A measure of one contestant before and after, when the two have no value in common."""

    workload: str
    contestant: str
    measure: str
    old: Spread
    new: Spread

    @property
    def is_better(self) -> bool:
        """Whether the new one is."""
        return is_better(self.measure, self.new.median, self.old.median)

    @property
    def factor(self) -> float:
        """New by old; infinite where there was nothing before."""
        return self.new.median / self.old.median if self.old.median else float("inf")


@dataclass(frozen=True, slots=True)
class Comparison:
    """``changes`` are those of our contestants, ``moved`` those of floors and peers.

    ``same`` counts measures that have not changed. ``warnings`` say why figures may not be comparable, and what was
    measured in one of the files only.
    """

    changes: tuple[Change, ...]
    moved: tuple[Change, ...]
    same: int
    warnings: tuple[str, ...]

    @property
    def has_regressions(self) -> bool:
        """Whether something of ours got worse."""
        return any(not change.is_better for change in self.changes)


def compare(old: Results, new: Results) -> Comparison:
    """Every measure that both have, workload by workload."""
    before = {each.name: each for each in old.workloads}
    after = {each.name: each for each in new.workloads}
    warnings = list(_warnings(old, new, before, after))
    ours: list[Change | None] = []
    others: list[Change | None] = []
    for name in before.keys() & after.keys():
        if before[name].records == after[name].records:
            for role, change in _changes(before[name], after[name]):
                (ours if role is Role.SAGE else others).append(change)
    return Comparison(_made(ours), _made(others), ours.count(None), tuple(warnings))


def _made(changes: list[Change | None]) -> tuple[Change, ...]:
    return tuple(sorted(filter(None, changes), key=lambda each: (each.workload, each.contestant, each.measure)))


def _changes(old: WorkloadResult, new: WorkloadResult) -> Iterator[tuple[Role, Change | None]]:
    for name, after in new.contestants.items():
        before = old.contestants.get(name)
        if before is not None:
            for measure in _in_both(before, after):
                change = Change(new.name, name, measure, before.measures[measure], after.measures[measure])
                yield after.role, change if _is_change(change) else None


def _in_both(old: ContestantResult, new: ContestantResult) -> list[str]:
    return [each for each in in_order(new.measures) if each in old.measures and each != _TOLD_ALREADY]


def _is_change(change: Change) -> bool:
    old, new = change.old, change.new
    apart = new.low > old.high or new.high < old.low
    return apart and abs(new.median - old.median) > _LEAST_CHANGE * old.median


def _warnings(
    old: Results, new: Results, before: dict[str, WorkloadResult], after: dict[str, WorkloadResult]
) -> Iterator[str]:
    for difference in differences(old.machine, new.machine):
        yield f"the machines differ: {difference}"
    for name in sorted(before.keys() ^ after.keys()):
        yield f"workload {name} is in the {'old' if name in before else 'new'} file only"
    for name in sorted(before.keys() & after.keys()):
        one, other = before[name], after[name]
        if one.records != other.records:
            yield f"workload {name} is not compared: it was run with {one.records:,} and with {other.records:,} records"
    if min(old.repetitions, new.repetitions) < _FEWEST:
        yield f"of less than {_FEWEST} repetitions any two differ: what is shown as a change may be noise"
