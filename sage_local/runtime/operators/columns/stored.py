"""Partials in snapshots: by key group, as Arrow IPC, made while records flow on.

A batch is never changed, so what was there at one moment is a list of batches.
"""

from collections import defaultdict
from collections.abc import Callable, Generator, Iterator, Sequence
from typing import Any

from sage_local.config import MAX_PARALLELISM
from sage_local.functions.taking import taken
from sage_local.runtime.codec.column_keys import column_key_groups
from sage_local.runtime.codec.columns import decode_stream, encode_stream
from sage_local.runtime.operators.protocol import TaskContext
from sage_local.runtime.state.snapshot import StateSnapshot

Piece = list[tuple[int, bytes]]

ROWS_AT_ONCE = 2048
"""Told apart by their group in one piece of work: about a millisecond, most of it for the keys as Python values."""
ROWS_PER_CHUNK = 8192
"""Merged and written in one: about a millisecond too."""
ROWS_SORTED_AT_ONCE = 1 << 15


class ColumnCapture:
    """The partials of one operator at one moment; see ``Captured``.

    ``merged`` makes one partial of several; without ``keys`` all is of group 0.
    """

    def __init__(
        self,
        partials: Sequence[Any],
        keys: Sequence[str],
        merged: Callable[[Sequence[Any]], Any],
        context: TaskContext,
    ) -> None:
        self._partials = partials
        self._keys = keys
        self._merged = merged
        self._max_parallelism: int = context.settings[MAX_PARALLELISM]
        self._pieces = self._work()

    def advance(self) -> Piece | None:
        """See ``Captured``."""
        return next(self._pieces, None)

    def close(self) -> None:
        """See ``Captured``."""
        self._pieces.close()

    def _work(self) -> Generator[Piece, None, None]:
        import numpy as np

        # Rows are numbered through all partials.
        self._starts = np.cumsum([0, *map(len, self._partials)])
        groups = np.zeros(self._starts[-1], np.uint16)
        if self._keys:
            yield from self._tell_apart(groups)
        rows, stops = np.empty(len(groups), np.int64), np.zeros(self._max_parallelism, np.int64)
        yield from _sort(groups, rows, stops)
        start = 0
        for group, stop in enumerate(stops.tolist()):
            for first in range(start, stop, ROWS_PER_CHUNK):
                yield [(group, self._chunk(rows[first : min(first + ROWS_PER_CHUNK, stop)]))]
            start = stop

    def _tell_apart(self, groups: Any) -> Iterator[Piece]:
        for partial, of_partial in zip(self._partials, self._starts, strict=False):
            for first in range(0, len(partial), ROWS_AT_ONCE):
                rows = partial.slice(first, ROWS_AT_ONCE)
                start = of_partial + first
                groups[start : start + len(rows)] = column_key_groups(rows, self._keys, self._max_parallelism)
                yield []

    def _chunk(self, rows: Any) -> bytes:
        import numpy as np

        bounds = np.searchsorted(rows, self._starts).tolist()
        parts = [
            taken(partial, rows[first:stop] - start)
            for partial, start, first, stop in zip(self._partials, self._starts, bounds, bounds[1:], strict=False)
            if stop > first
        ]
        written: bytes = encode_stream(parts[0] if len(parts) == 1 else self._merged(parts)).to_pybytes()
        return written


def _sort(groups: Any, rows: Any, stops: Any) -> Iterator[Piece]:
    """Write to ``rows`` the numbers of the rows by their groups, in order, and to ``stops`` where each group stops."""
    import numpy as np

    counted = range(0, len(groups), ROWS_SORTED_AT_ONCE)
    for start in counted:
        stops += np.bincount(groups[start : start + ROWS_SORTED_AT_ONCE], minlength=len(stops))
        yield []
    places = np.cumsum(stops) - stops
    for start in counted:
        some = groups[start : start + ROWS_SORTED_AT_ONCE]
        order = np.argsort(some, kind="stable")
        some = some[order]
        counts = np.bincount(some, minlength=len(stops))
        rows[(places - np.cumsum(counts) + counts)[some] + np.arange(len(some))] = order + start
        places += counts
        yield []
    stops[:] = places


def whole_snapshot(captured: StateSnapshot) -> StateSnapshot:
    """``captured`` with what its capture gives."""
    assert captured.capture is not None
    chunks: dict[int, list[bytes]] = defaultdict(list)
    while (piece := captured.capture.advance()) is not None:
        for group, chunk in piece:
            chunks[group].append(chunk)
    return StateSnapshot(dict(chunks), captured.subtasks, entries=captured.entries)


def restored(snapshot: StateSnapshot, context: TaskContext) -> list[Any]:
    """The partials of the key groups that are this subtask's."""
    return [decode_stream(chunk) for group in context.key_groups for chunk in snapshot.key_groups.get(group, ())]
