"""What windows are tried on: streams, aggregates with what they come to, triggers."""

from typing import Any

from hypothesis import strategies as st

from sage_local.functions.aggregates import Count, Max, Mean, Min, Sum
from sage_local.functions.folds import AggregateFunction
from sage_local.functions.multi import Multi
from sage_local.windowing.triggers import ContinuousEventTimeTrigger, CountTrigger, EventTimeTrigger, PurgingTrigger
from tests.runtime.operators.window_model import Firing

KEYS = st.sampled_from(["a", "b", 3])
TIMES = st.one_of(st.integers(-30, 90), st.sampled_from([-(2**63) + 1, 2**63 - 2, -(10**15), 10**15]))
EVENTS = st.tuples(KEYS, TIMES, st.integers(-9, 9))
STEPS = st.lists(st.one_of(st.lists(EVENTS, max_size=8), st.integers(-40, 120)), max_size=14)
SIZES = st.tuples(st.integers(1, 20), st.integers(1, 20)).map(lambda pair: (max(pair), min(pair)))


class Spread(AggregateFunction[Any, list[Any], tuple[Any, ...]]):
    """A user's aggregate with an accumulator that is changed in place, also by merging."""

    def create_accumulator(self) -> list[Any]:
        return []

    def add(self, accumulator: list[Any], event: Any) -> list[Any]:
        accumulator.append(event[2])
        return accumulator

    def get_result(self, accumulator: list[Any]) -> tuple[Any, ...]:
        return tuple(sorted(accumulator))

    def merge(self, first: list[Any], second: list[Any]) -> list[Any]:
        first.extend(second)
        second.clear()
        return first


class Unmergeable(Spread):
    merge = AggregateFunction.merge


AGGREGATES: dict[str, tuple[Any, Any]] = {
    "count": (Count(), len),
    "sum": (Sum(2), sum),
    "min": (Min(lambda event: event[2]), min),
    "max": (Max(2), max),
    "mean": (Mean(2), lambda values: sum(values) / len(values)),
    "several": (
        Multi(total=Sum(2), n=Count(), top=Max(2), mean=Mean(lambda event: event[2] + 1), spread=Spread()),
        lambda values: {
            "total": sum(values),
            "n": len(values),
            "top": max(values),
            "mean": (sum(values) + len(values)) / len(values),
            "spread": tuple(sorted(values)),
        },
    ),
    "merging": (Spread(), lambda values: tuple(sorted(values))),
    "not merging": (Unmergeable(), lambda values: tuple(sorted(values))),
}

MERGING = sorted(AGGREGATES.keys() - {"not merging"})
"""Those for windows that merge."""
FIRINGS = st.builds(Firing, st.sampled_from(["end", "count", "every"]), st.integers(1, 7), st.booleans())


def trigger(firing: Firing) -> Any:
    inner = {
        "end": EventTimeTrigger(),
        "count": CountTrigger.of(firing.number),
        "every": ContinuousEventTimeTrigger.of(firing.number),
    }[firing.kind]
    return PurgingTrigger.of(inner) if firing.purges else inner
