"""What a harness drives: the operators that a user's function puts behind its input streams."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from inspect import Parameter, signature
from typing import Any

from sage_local.api.annotations import check_annotations
from sage_local.api.datastream import DataStream, DataStreamSink
from sage_local.api.environment import LocalEnvironment
from sage_local.config import parse_layer
from sage_local.config.settings import Settings
from sage_local.errors import PlanError
from sage_local.plan.operators import Source
from sage_local.plan.physical import Chain, Edge, Plan
from sage_local.plan.planner import plan
from sage_local.windowing.watermarks import WatermarkStrategy

Build = Callable[..., DataStream[Any] | DataStreamSink]
_STANDINS = ("harness input", "harness time")
"""Names of the operators that stand for an input: they are not run."""


@dataclass(frozen=True, slots=True)
class HarnessPlan:
    """``entries`` has for each input the edges by which it enters the chain; none where it is part of it."""

    plan: Plan
    chain: Chain
    entries: tuple[tuple[Edge, ...], ...]

    @property
    def first_operator(self) -> int:
        """How many operators of the chain only stand for its input."""
        return sum(_is_entry(operator.name) for operator in self.chain.operators)


def plan_of(build: Build, parallelism: int, config: Mapping[str, object] | None) -> HarnessPlan:
    """Plan what ``build`` makes of its input streams, as ``submit`` would. Raises ``PlanError``."""
    env = LocalEnvironment("harness", config)
    built = build(*_inputs(env, build))
    if not isinstance(built, DataStream | DataStreamSink):
        raise PlanError(f"build: expected a function that returns a stream or a sink, found {built!r}")
    end = built._end
    if any(source.tag is not None for source in end.inputs):
        raise PlanError("build: return the main stream; what goes to a tag is read by side_output(tag) of the harness")
    graph = end.program.graph({source.node for source in end.inputs})
    check_annotations(graph)
    settings = Settings.layered(end.program.config, parse_layer({"parallelism": parallelism}, "parallelism"))
    return _checked(plan(graph, settings), parallelism, len(_parameters(build)))


def _parameters(build: Build) -> Sequence[Parameter]:
    return list(signature(build).parameters.values())


def _inputs(env: LocalEnvironment, build: Build) -> list[DataStream[Any]]:
    """A stream for each parameter of ``build``. For the planner they have event time, as pushed records may."""
    strategy = WatermarkStrategy.for_monotonous_timestamps().with_timestamp_assigner("time")
    number = len(_parameters(build))
    if number == 0:
        raise PlanError("build: expected a function of one stream or of several, found one without parameters")
    return [
        env.from_collection((), name=_STANDINS[0]).assign_timestamps_and_watermarks(strategy, name=_STANDINS[1])
        for _ in range(number)
    ]


def _checked(planned: Plan, parallelism: int, inputs: int) -> HarnessPlan:
    driven = [chain for chain in planned.chains if not _is_entry(chain.operators[-1].name)]
    if len(driven) != 1:
        names = ", ".join(repr(chain.operators[-1].name) for chain in driven)
        raise PlanError(
            f"a harness drives one operator, or neighbours that run as one task; found {len(driven)} tasks ({names}):"
            " use check_equivalent() or collect() for whole pipelines"
        )
    chain = driven[0]
    if chain.parallelism != parallelism:
        raise PlanError(
            f"operator {chain.operators[-1].name!r} has parallelism {chain.parallelism}, and the harness {parallelism}"
        )
    sources = [each for each in planned.chains if isinstance(each.operators[0], Source)]
    entries = tuple(tuple(edge for edge in planned.edges if edge.source == source.id) for source in sources)
    used = sum(source is chain or bool(edges) for source, edges in zip(sources, entries, strict=True))
    if used != inputs:
        raise PlanError(f"build: each of its {inputs} streams must lead to what it returns, found {used} that do")
    return HarnessPlan(planned, chain, entries)


def _is_entry(name: str) -> bool:
    """Names are made unique by a number behind them."""
    return name.startswith(_STANDINS)
