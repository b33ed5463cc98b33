"""Partials in snapshots: by key group, as Arrow IPC."""

from collections.abc import Sequence
from typing import Any

from sage_local.config import MAX_PARALLELISM
from sage_local.runtime.codec.column_keys import column_key_groups
from sage_local.runtime.codec.columns import decode_stream, encode_stream
from sage_local.runtime.operators.protocol import TaskContext
from sage_local.runtime.state.snapshot import StateSnapshot


def snapshot_of(partial: Any, keys: Sequence[str], context: TaskContext, *, name: str) -> StateSnapshot:
    """``partial`` (or ``None``) by the key groups of its keys; all in group 0 where there are none."""
    import numpy as np

    if partial is None or not len(partial):
        return StateSnapshot()
    groups = np.zeros(len(partial), np.int64)
    if keys:
        groups = column_key_groups(partial, keys, context.settings[MAX_PARALLELISM])
    order = np.argsort(groups, kind="stable")
    groups, partial = groups[order], partial.take(order)
    starts = np.flatnonzero(np.diff(groups, prepend=-1))
    stops = np.append(starts[1:], len(groups))
    chunks = {
        int(groups[start]): [encode_stream(partial.slice(int(start), int(stop - start))).to_pybytes()]
        for start, stop in zip(starts, stops, strict=True)
    }
    return StateSnapshot(chunks, entries={name: len(partial)})


def restored(snapshot: StateSnapshot, context: TaskContext) -> list[Any]:
    """The partials of the key groups that are this subtask's."""
    return [decode_stream(chunk) for group in context.key_groups for chunk in snapshot.key_groups.get(group, ())]
