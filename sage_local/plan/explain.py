"""A plan as text and as a Mermaid diagram: chains, tasks, edges, rings, placement, combiners, guarantees."""

from collections.abc import Iterator, Mapping

from sage_local.config import MAX_PARALLELISM, PARALLELISM, RUNTIME_MODE
from sage_local.core.ids import EdgeId, TaskId, WorkerId
from sage_local.functions import TwoPhaseCommitSink
from sage_local.plan.operators import Collect, Operator, PartialAggregate, PartialWindow, Print, Sink, Source
from sage_local.plan.physical import Chain, Delivery, Edge, Plan

_DELIVERY = {
    Delivery.FORWARD: "forward",
    Delivery.DEAL: "frames dealt in turn",
    Delivery.HASH: "hash of the key",
    Delivery.BROADCAST: "broadcast",
}


def explain(
    plan: Plan,
    *,
    ring_bytes: Mapping[EdgeId, int] | None = None,
    cpus: Mapping[WorkerId, str] | None = None,
) -> str:
    """``plan`` for people to read. ``ring_bytes``: the size of an edge's rings; ``cpus``: where workers are pinned."""
    return "\n".join(_lines(plan, ring_bytes or {}, cpus or {})) + "\n"


def _lines(plan: Plan, ring_bytes: Mapping[EdgeId, int], cpus: Mapping[WorkerId, str]) -> Iterator[str]:
    settings = plan.settings
    yield (
        f"Job {plan.job_name!r}: {_count(plan.workers, 'worker')}, parallelism {settings[PARALLELISM]},"
        f" {settings[RUNTIME_MODE].value} mode, {settings[MAX_PARALLELISM]} key groups"
    )
    for chain in plan.chains:
        yield f"\nChain {chain.id}: {chain.name}"
        yield f"  {_count(chain.parallelism, 'task')} on {_workers(plan, chain, cpus)}"
        for operator in chain.operators:
            note = _note(operator)
            if note:
                yield f"  {operator.name}: {note}"
        for edge in plan.edges:
            if edge.source == chain.id:
                yield f"  → chain {edge.target}: {_edge(plan, edge, ring_bytes)}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _workers(plan: Plan, chain: Chain, cpus: Mapping[WorkerId, str]) -> str:
    workers = [plan.placement[TaskId(chain.id, subtask)] for subtask in range(chain.parallelism)]
    names = [f"{worker} ({cpus[worker]})" if worker in cpus else str(worker) for worker in workers]
    return f"{'worker' if len(names) == 1 else 'workers'} {', '.join(names)} [slot group {chain.slot_group}]"


def _edge(plan: Plan, edge: Edge, ring_bytes: Mapping[EdgeId, int]) -> str:
    text = _DELIVERY[edge.delivery]
    if edge.in_turns:
        text += ", taken in turns (order kept)"
    channels = list(plan.channels(edge))
    rings = sum(sender != receiver for sender, receiver in map(plan.ends, channels))
    parts = []
    if rings:
        size = f" of {_size(ring_bytes[edge.id])}" if edge.id in ring_bytes else ""
        parts.append(f"{_count(rings, 'ring')}{size}")
    if rings < len(channels):
        parts.append(f"{_count(len(channels) - rings, 'hand-over')} inside a worker")
    return f"{text}; {', '.join(parts)}"


def _size(size_bytes: int) -> str:
    return f"{size_bytes >> 20} MiB" if size_bytes >= 1 << 20 else f"{size_bytes >> 10} KiB"


def _note(operator: Operator) -> str:
    """What a reader can not see from the operator's name."""
    match operator:
        case Source(splits=None):
            return "push source, in a thread of its own"
        case Source(source=source, splits=splits):
            note = getattr(source, "note", "")
            return _count(len(splits or ()), "split") + (f"; {note}" if note else "")
        case PartialWindow():
            return (
                "combines each batch per key and pane before the exchange while few keys make up most of it, so that a"
                " hot key is shared among the senders: its aggregate can merge"
            )
        case PartialAggregate():
            return "combines per key before the exchange, since the function can merge"
        case Operator(is_columnar=True):
            return _columnar_note(operator)
        case Sink(function=TwoPhaseCommitSink()):
            return "two-phase: exactly once with checkpoints"
        case Print() | Sink():
            return "at-least-once"
        case Collect():
            return "returned to the caller"
        case _:
            return ""


def _columnar_note(operator: Operator) -> str:
    from sage_local.plan import columns

    match operator:
        case columns.CombineColumns():
            return "combines each batch per key before the exchange, since all its aggregates can merge"
        case columns.FilterColumns(expression=expression):
            return f"filter {expression}"
        case columns.ColumnsToRows():
            return "columns become rows, for a function of single records"
        case _:
            return ""


def mermaid(plan: Plan) -> str:
    """``plan`` as a Mermaid flowchart."""
    lines = ["flowchart LR"]
    for chain in plan.chains:
        label = _escape(chain.name)
        lines.append(f'    c{chain.id}["{label}<br/>× {chain.parallelism}"]')
    lines += [f'    c{edge.source} -->|"{_DELIVERY[edge.delivery]}"| c{edge.target}' for edge in plan.edges]
    return "\n".join(lines) + "\n"


def _escape(text: str) -> str:
    return text.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;").replace(">", "&gt;")
