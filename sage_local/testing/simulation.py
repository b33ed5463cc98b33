"""``simulate``: a program's whole job in one thread, with faults, and an oracle for exactly-once."""

from collections import Counter
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from sage_local.api.datastream import DataStream
from sage_local.api.submission import checked_plan, settings_of
from sage_local.config import TABLE, Settings, parse_layer
from sage_local.core.ids import NodeId
from sage_local.plan.graph import Node
from sage_local.plan.operators import Sink
from sage_local.plan.physical import Plan
from sage_local.runtime.launcher.simulation import Fault, Faults, Simulation, Stores, StoreSink, World
from sage_local.runtime.launcher.simulation.faults import NO_FAULTS

_STORE = NodeId(-2)
"""The node of the simulated store, which is never part of the program."""
_SETTINGS = {
    "checkpoint.interval": "5ms",
    "checkpoint.timeout": "200ms",
    "checkpointing": "exactly_once",
    "restart.strategy": "fixed-delay",
    "restart.attempts": 1000,
    "restart.delay": "1ms",
    "buffer.timeout": "10ms",
    "frame.max-rows": 8,
}
"""Everything small, so that a few hundred records make many checkpoints and frames."""


class SimulationFailed(AssertionError):
    """The oracle's verdict, with the story of the run."""


@dataclass(frozen=True, slots=True)
class Simulated:
    """How a run went. ``coverage`` counts faults by the state of the job they struck in."""

    records: list[Any]
    executions: int
    coverage: Counter[tuple[str, Fault]] = field(default_factory=Counter)
    story: list[str] = field(default_factory=list)


def simulate(
    pipeline: DataStream[Any],
    seed: int,
    faults: Faults | None = None,
    *,
    expected: Iterable[Any] | None = None,
    key: Callable[[Any], Hashable] | None = None,
    stop_after: int | None = None,
) -> Simulated:
    """Run what leads to ``pipeline`` with faults drawn by ``seed``; its records go to a simulated transactional store.

    Raises ``SimulationFailed`` when the store then holds other records than ``expected``, by default those of a run
    without faults: one was lost, repeated or changed, or, with ``key``, two of one key have changed places.
    ``stop_after`` steps the job is stopped, and resumed. The same arguments give the same run. Push sources can not be
    simulated: they have threads.

    What sinks committed behind a checkpoint that storage damages is taken back, as no real sink could.
    """
    if not isinstance(pipeline, DataStream):
        raise TypeError(f"simulate() takes a stream, found {pipeline!r}")
    plan = planned(pipeline)
    wanted = run_once(plan, 0, NO_FAULTS).records if expected is None else list(expected)
    found = run_once(plan, seed, faults or Faults(), stop_after=stop_after)
    judge(found, wanted, seed, key)
    return found


def planned(pipeline: DataStream[Any]) -> Callable[[int], Plan]:
    """From the number of a store to the plan of a job that writes to it."""
    end = pipeline._end

    def plan(store: int) -> Plan:
        sink = Node(_STORE, Sink(name="store", key_selector=end.key_selector, function=StoreSink(store)), end.inputs)
        return _with_settings(checked_plan(end.program, end.program.graph(set(), extra=sink)), settings_of(end.program))

    return plan


def run_once(plan: Callable[[int], Plan], seed: int, faults: Faults, *, stop_after: int | None = None) -> Simulated:
    """One run, without a verdict on what it wrote."""
    world = World(seed, faults)
    number = Stores.new(world)
    store = Stores.of(number)
    try:
        simulation = Simulation(plan(number), world, store, stop_after=stop_after)
        try:
            simulation.run()
        except Exception as error:
            # Whatever the engine or the program raised: said with the seed that shows it again.
            story = "\n".join([f"seed {seed}: {type(error).__name__}: {error}", *world.story])
            raise SimulationFailed(story) from error
        return Simulated(store.records, simulation.executions, world.coverage, list(world.story))
    finally:
        Stores.forget(number)


def judge(found: Simulated, expected: list[Any], seed: int, key: Callable[[Any], Hashable] | None = None) -> None:
    """Raise ``SimulationFailed`` unless ``found`` holds the expected records, each once, those of a key in order."""
    counted, wanted = Counter(map(repr, found.records)), Counter(map(repr, expected))
    problems = [
        f"{what} {dict(list(difference.items())[:5])}"
        for what, difference in (("lost", wanted - counted), ("repeated or changed", counted - wanted))
        if difference
    ]
    if not problems and key is not None:
        problems = [
            f"records of key {each!r} have changed places"
            for each in {key(record) for record in expected}
            if _of(each, found.records, key) != _of(each, expected, key)
        ]
    if problems:
        raise SimulationFailed("\n".join([f"seed {seed}: {'; '.join(problems)}", *found.story]))


def _of(wanted: Hashable, records: list[Any], key: Callable[[Any], Hashable]) -> list[Any]:
    return [record for record in records if key(record) == wanted]


def _with_settings(plan: Plan, settings: Settings) -> Plan:
    chosen = Settings.layered(parse_layer(_SETTINGS, "simulation"))
    for setting in (TABLE[key] for key in _SETTINGS):
        if settings.written(setting) is None:
            settings = settings.resolved(setting, chosen[setting])
    return replace(plan, settings=settings)


__all__ = ["Fault", "Faults", "Simulated", "SimulationFailed", "simulate"]
