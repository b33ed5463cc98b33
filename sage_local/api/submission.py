"""From a program to a finished job."""

import os
import warnings
from typing import Any

from sage_local.api.annotations import check_annotations
from sage_local.api.overrides import current_overrides
from sage_local.api.program import Program
from sage_local.api.recovery import check_recovery
from sage_local.api.upstream import Upstream
from sage_local.config import CPU_CORES, ENGINE, Engine, Settings, load_settings
from sage_local.core.ids import EdgeId, NodeId, WorkerId
from sage_local.errors import ConfigError
from sage_local.plan.explain import explain as as_text
from sage_local.plan.explain import mermaid as as_mermaid
from sage_local.plan.graph import LogicalGraph, Node
from sage_local.plan.operators import Collect
from sage_local.plan.physical import Plan
from sage_local.plan.planner import plan
from sage_local.plan.side_outputs import unread
from sage_local.runtime import launcher
from sage_local.runtime.job import JobResult
from sage_local.runtime.launcher import JobHandle

_COLLECT = NodeId(-1)
"""The node of ``collect``'s own sink, which is never part of the program."""


def run(program: Program, sinks: set[NodeId]) -> JobResult:
    """Run what ``sinks`` need and block until the job has finished."""
    return _run(checked_plan(program, program.graph(sinks)))


def start(program: Program, sinks: set[NodeId]) -> JobHandle:
    """Start what ``sinks`` need as a job that outlives its caller."""
    job = checked_plan(program, program.graph(sinks))
    if job.settings[ENGINE] is Engine.INLINE:
        raise ConfigError("execution.engine = inline runs in the calling process, so it can not be detached from it")
    return launcher.launch(job, attached=False, on_progress=current_overrides().on_progress)


def collect(end: Upstream, name: str) -> list[Any]:
    """Run what leads to ``end`` and return its records, in order."""
    sink = Node(_COLLECT, Collect(name=name, key_selector=end.key_selector), end.inputs)
    graph = end.program.graph(set(), extra=sink)
    records: list[Any] = []
    _run(checked_plan(end.program, graph), records)
    return records


def settings_of(program: Program) -> Settings:
    """The settings that apply to ``program`` now. Raises ``ConfigError`` where they contradict each other."""
    return load_settings(config=program.config, environ=os.environ, command_line=current_overrides().layers)


def checked_plan(program: Program, graph: LogicalGraph) -> Plan:
    """The plan of ``graph``; raises for everything that can be known to be wrong before a process starts."""
    settings = settings_of(program)
    settings.refuse_unbuilt()
    check_recovery(graph, settings)
    check_annotations(graph)
    for side in unread(graph):
        warnings.warn(
            f"operator {side.operator!r} has the side output {side.tag!r}, which nobody reads: its records are dropped;"
            " read it with side_output()",
            stacklevel=4,  # of submit() or collect() in the user's program
        )
    planned = plan(graph, settings)
    on_planned = current_overrides().on_planned
    if on_planned is not None:
        on_planned(planned)
    return planned


def explain(program: Program, sinks: set[NodeId], *, mermaid: bool) -> str:
    """The plan for ``sinks`` as people read it."""
    return rendered(plan(program.graph(sinks), settings_of(program)), mermaid=mermaid)


def rendered(planned: Plan, *, mermaid: bool) -> str:
    """``planned`` as people read it, with what this machine makes of it."""
    return as_mermaid(planned) if mermaid else as_text(planned, ring_bytes=_ring_bytes(planned), cpus=_cpus(planned))


def _ring_bytes(job: Plan) -> dict[EdgeId, int]:
    from sage_local.runtime.memory.layout import exchanged_channels, ring_capacity

    channels = exchanged_channels(job)
    capacity = ring_capacity(job, len(channels))
    return {channel.edge: capacity for channel in channels}


def _cpus(job: Plan) -> dict[WorkerId, str]:
    from sage_local.runtime.protocol.placement import place
    from sage_local.runtime.scheduler.topology import read_topology

    seats = place(read_topology(), job.workers, most_cpus=job.settings[CPU_CORES])
    return {worker: "cpu " + ",".join(map(str, sorted(seat.cpus))) for worker, seat in seats.items()}


def _run(job: Plan, records: list[Any] | None = None) -> JobResult:
    """``records`` takes what the job's ``Collect`` operator gathers."""
    on_progress = current_overrides().on_progress

    def on_collected(operator: str, values: list[Any]) -> None:
        if records is not None:
            records.extend(values)

    if job.settings[ENGINE] is Engine.INLINE:
        result = launcher.run_inline(job, on_collected=on_collected, on_progress=on_progress)
    else:
        result = launcher.launch(job, attached=True, on_collected=on_collected, on_progress=on_progress).wait()
    on_result = current_overrides().on_result
    if on_result is not None:
        on_result(result)
    return result
