"""A workload: input by a seeded generator, contestants that go over it, an oracle, and figures with their goals.

A workload lives in a module or file that names it in ``WORKLOADS`` and ends with ``compete(WORKLOADS)``
(``sage_local.bench.compete``), so a contestant is the ``__main__`` of a process, as a user's program is.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from importlib.util import find_spec
from pathlib import Path
from typing import Any


class Role(Enum):
    """What a contestant is measured for."""

    FLOOR = "floor"
    """What the work costs without an engine."""
    SAGE = "sage"
    PEER = "peer"
    """Another engine."""


@dataclass(frozen=True, slots=True)
class Contestant:
    """``run(folder, records)`` does the work and returns what the oracle judges, or ``Timed``.

    ``folder`` holds what ``prepare`` wrote for so many records. Packages that it ``needs`` may be missing: then it does
    not take part.
    """

    role: Role
    run: Callable[[Path, int], Any]
    needs: tuple[str, ...] = ()

    def missing(self) -> list[str]:
        """The packages that it needs and that are not installed."""
        return [name for name in self.needs if find_spec(name) is None]


@dataclass(frozen=True, slots=True)
class Timed:
    """The result of a contestant that takes its time itself, and may choose its ``records``.

    ``measures`` are further ones by name; a name ends with its unit, and a rate with ``_per_s``.
    """

    result: Any
    seconds: float
    measures: Mapping[str, float] = field(default_factory=dict)
    records: int | None = None


class NotMeasured(Exception):
    """A figure asks for a measure that there is none of."""


class WrongResult(Exception):
    """What an oracle raises: expected and found, in words."""


@dataclass(frozen=True, slots=True)
class Round:
    """One repetition: the measures of every contestant that took part, by its name."""

    measures: Mapping[str, Mapping[str, float]]

    def __call__(self, contestant: str, measure: str) -> float:
        """One measure. Raises ``NotMeasured``."""
        try:
            return self.measures[contestant][measure]
        except KeyError as error:
            raise NotMeasured(f"{measure} of {contestant}") from error

    def cpu_ns_beyond(self, base: str, contestant: str) -> float:
        """CPU time that a record costs ``contestant`` more than ``base``. Raises ``NotMeasured``."""
        return (self(contestant, "cpu_s_per_million") - self(base, "cpu_s_per_million")) * 1e3


@dataclass(frozen=True, slots=True)
class Figure:
    """A number made of one round; ``goal`` is the least (or with ``at_most`` the most) that is good enough."""

    name: str
    of: Callable[[Round], float]
    goal: float | None = None
    at_most: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """``records`` is the amount of work. With ``few`` every contestant also runs with next to nothing to do.

    What that costs is start-up, a measure of its own, and is subtracted from the rest, for floors and engines alike.
    ``prepare(folder, records)`` writes the input. ``check(folder, records, result)`` is the oracle: it raises
    ``WrongResult``. Only where nothing but time comes out there is none.
    """

    name: str
    title: str
    records: int
    contestants: Mapping[str, Contestant]
    check: Callable[[Path, int, Any], None] | None
    few: int | None = None
    prepare: Callable[[Path, int], None] | None = None
    figures: tuple[Figure, ...] = ()


def floor(run: Callable[[Path, int], Any], *needs: str) -> Contestant:
    """A contestant without an engine."""
    return Contestant(Role.FLOOR, run, needs)


def sage(run: Callable[[Path, int], Any]) -> Contestant:
    """A contestant of ours."""
    return Contestant(Role.SAGE, run)


def peer(run: Callable[[Path, int], Any], *needs: str) -> Contestant:
    """Another engine, with the packages it is made of."""
    return Contestant(Role.PEER, run, needs)


def ratio(
    measure: str, above: str, below: str, *, goal: float | None = None, at_most: bool = False, name: str | None = None
) -> Figure:
    """``measure`` of one contestant divided by that of another."""
    told = {"cpu_s": "CPU", "seconds": "time"}.get(measure, measure)
    return Figure(
        name or f"{told} of {above} / {told} of {below}",
        lambda the: the(above, measure) / the(below, measure),
        goal,
        at_most,
    )


def expect(what: str, expected: object, found: object) -> None:
    """Raise ``WrongResult`` unless the two are equal."""
    if expected != found:
        raise WrongResult(f"{what}: expected {expected!r}, found {found!r}")


def expect_counts(what: str, expected: Mapping[Any, Any], found: Mapping[Any, Any]) -> None:
    """Raise ``WrongResult`` for the first key whose value differs, and say how many do."""
    wrong = [key for key in expected.keys() | found.keys() if expected.get(key) != found.get(key)]
    if wrong:
        key = min(wrong, key=repr)
        raise WrongResult(
            f"{what} of {key!r}: expected {expected.get(key)!r}, found {found.get(key)!r}"
            f" ({len(wrong):,} of {len(expected):,} keys differ)"
        )
