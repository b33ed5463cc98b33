"""Results of a run, and the JSON file they are kept in."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from sage_local.bench.workload import Role

FORMAT = "sage-bench/1"


class BadResults(Exception):
    """A file that holds no results."""


@dataclass(frozen=True, slots=True)
class Spread:
    """One value per repetition, at least one, in the order of the repetitions."""

    values: tuple[float, ...]

    @property
    def median(self) -> float:
        """The figure to quote."""
        return median(self.values)

    @property
    def low(self) -> float:
        """The least."""
        return min(self.values)

    @property
    def high(self) -> float:
        """The greatest."""
        return max(self.values)


@dataclass(frozen=True, slots=True)
class ContestantResult:
    """Its measures by name. A name ends with its unit; what ends in ``_per_s`` is better the larger, all else smaller.

    ``skipped``: why it did not take part.
    """

    role: Role
    measures: Mapping[str, Spread]
    skipped: str | None = None


@dataclass(frozen=True, slots=True)
class FigureResult:
    """``spread`` is None where there was nothing to make the figure of."""

    name: str
    spread: Spread | None
    goal: float | None
    at_most: bool

    @property
    def is_reached(self) -> bool | None:
        """Whether the median is good enough; None without a goal or without a figure."""
        if self.goal is None or self.spread is None:
            return None
        return self.spread.median <= self.goal if self.at_most else self.spread.median >= self.goal


@dataclass(frozen=True, slots=True)
class WorkloadResult:
    """``records`` is the amount of work of each contestant."""

    name: str
    title: str
    records: int
    contestants: Mapping[str, ContestantResult]
    figures: tuple[FigureResult, ...]


@dataclass(frozen=True, slots=True)
class Results:
    """Everything of one run of ``sage bench run``."""

    machine: Mapping[str, Any]
    repetitions: int
    workloads: tuple[WorkloadResult, ...]
    scale: float = 1.0


def is_better(measure: str, one: float, other: float) -> bool:
    """Whether ``one`` is the better value of ``measure``."""
    return one > other if measure.endswith("_per_s") else one < other


def write_results(results: Results, path: Path) -> None:
    """As JSON; medians and bounds stand beside the values for those who read it without us."""
    path.write_text(json.dumps({"format": FORMAT, **_plain(results)}, indent=1) + "\n", encoding="utf-8")


def _plain(value: Any) -> Any:
    if isinstance(value, Spread):
        return {"median": value.median, "low": value.low, "high": value.high, "values": list(value.values)}
    if isinstance(value, Role):
        return value.value
    if isinstance(value, FigureResult):
        return {**_fields(value), "is_reached": value.is_reached}
    if hasattr(value, "__dataclass_fields__"):
        return _fields(value)
    if isinstance(value, Mapping):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return value


def _fields(value: Any) -> dict[str, Any]:
    return {name: _plain(getattr(value, name)) for name in value.__dataclass_fields__}


def read_results(path: Path) -> Results:
    """What ``write_results`` wrote. Raises ``BadResults``, which names the file and what is wrong with it."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadResults(f"can not read {path}: {error.strerror}") from error
    except ValueError as error:
        raise BadResults(f"{path} is no JSON file: {error}") from error
    found = content.get("format") if isinstance(content, dict) else None
    if found != FORMAT:
        raise BadResults(f"{path} holds no results of sage bench run: expected format {FORMAT!r}, found {found!r}")
    try:
        workloads = tuple(_workload(each) for each in content["workloads"])
        return Results(dict(content["machine"]), int(content["repetitions"]), workloads, float(content["scale"]))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise BadResults(f"{path} is damaged: {type(error).__name__}: {error}") from error


def _workload(content: Mapping[str, Any]) -> WorkloadResult:
    contestants = {
        name: ContestantResult(
            Role(each["role"]),
            {measure: _spread(values) for measure, values in each["measures"].items()},
            each["skipped"],
        )
        for name, each in content["contestants"].items()
    }
    figures = tuple(
        FigureResult(each["name"], each["spread"] and _spread(each["spread"]), each["goal"], each["at_most"])
        for each in content["figures"]
    )
    return WorkloadResult(content["name"], content["title"], int(content["records"]), contestants, figures)


def _spread(content: Mapping[str, Any]) -> Spread:
    return Spread(tuple(map(float, content["values"])))
