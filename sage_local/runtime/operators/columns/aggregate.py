"""Vectorised aggregates of each key, without windows."""

from collections.abc import Iterable, Sequence
from typing import Any

from sage_local.config import RuntimeMode
from sage_local.core.elements import Element
from sage_local.functions.grouping import Grouping
from sage_local.plan import columns as specs
from sage_local.runtime.metrics.table import OperatorCounters
from sage_local.runtime.operators.columns.base import ColumnOperator
from sage_local.runtime.operators.columns.combine import Combiner
from sage_local.runtime.operators.columns.stored import ColumnCapture, restored, whole_snapshot
from sage_local.runtime.operators.protocol import TaskContext
from sage_local.runtime.state.snapshot import StateSnapshot

MIN_PENDING = 1 << 18
"""Partials wait to be merged until there are as many records of them as of the state, and at least so many."""
RESULT_ROWS = 128 * 1024


class AggregateColumns(ColumnOperator):
    """Streaming: emits after each batch the aggregates so far of the keys in it; batch: of all keys, at the end."""

    def __init__(self, spec: specs.AggregateColumns, mode: RuntimeMode, counters: OperatorCounters) -> None:
        super().__init__(spec, counters)
        self._keys = list(spec.keys)
        self._is_combined = spec.is_combined
        self._combiner = Combiner(spec)
        self._grouping = Grouping(spec.aggregates)
        self._mode = mode
        self._state: Any = None
        self._pending: list[Any] = []
        self._pending_rows = 0
        self._restored: StateSnapshot | None = None

    def open(self, context: TaskContext) -> None:
        """Put back the state."""
        self._context = context
        if self._restored is not None:
            self._pending = restored(self._restored, context)
            self._pending_rows = sum(map(len, self._pending))
            self._restored = None

    def snapshot(self) -> StateSnapshot:
        """See ``Stateful``."""
        return whole_snapshot(self.capture(changes_only=False))

    def capture(self, *, changes_only: bool) -> StateSnapshot:
        """See ``Sliced``."""
        partials = self._partials()
        capture = ColumnCapture(partials, self._keys, self._merged, self._context)
        return StateSnapshot(entries={"keys": sum(map(len, partials))}, capture=capture)

    def restore(self, snapshot: StateSnapshot) -> None:
        """See ``Stateful``."""
        self._restored = snapshot

    def batches(self, batch: Any) -> Iterable[Any]:
        """The updates, in streaming mode."""
        partial = batch if self._is_combined else self._combiner.partial(batch)
        if self._mode is RuntimeMode.STREAMING:
            return self._updates(partial)
        self._pending.append(partial)
        self._pending_rows += len(partial)
        if self._pending_rows > max(MIN_PENDING, 0 if self._state is None else len(self._state)):
            self._merge()
        return ()

    def end(self) -> Iterable[Element]:
        """In batch mode the aggregates of every key."""
        if self._mode is RuntimeMode.STREAMING:
            return
        with self.blamed():
            self._merge()
            results = [] if self._state is None else [self._results(self._state)]
        for whole in results:
            yield from self.emitted(whole.slice(start, RESULT_ROWS) for start in range(0, len(whole), RESULT_ROWS))

    def _updates(self, partial: Any) -> Iterable[Any]:
        """Those of the keys in ``partial``: behind the merge it is their rows that are marked."""
        import pyarrow as pa

        self._merge()
        touched = self._grouping.merged(self._keys, [partial])
        self._pending = [touched]
        self._merge()
        state = pa.Table.from_batches([self._state])
        keys = pa.Table.from_batches([touched.select(self._keys)])
        updated = _semi_join(state, keys, self._keys)
        return (self._results(updated),)

    def _partials(self) -> list[Any]:
        return [*([] if self._state is None else [self._state]), *self._pending]

    def _merged(self, partials: Sequence[Any]) -> Any:
        return self._grouping.merged(self._keys, partials)

    def _merge(self) -> None:
        if self._pending:
            self._state = self._merged(self._partials())
            self._pending, self._pending_rows = [], 0

    def _results(self, partial: Any) -> Any:
        import pyarrow as pa

        keys = {name: partial.column(name) for name in self._keys}
        return pa.RecordBatch.from_pydict({**keys, **self._grouping.results(partial)})


def _semi_join(state: Any, keys: Any, names: list[str]) -> Any:
    import numpy as np

    from sage_local.functions.grouping import joined
    from sage_local.runtime.codec.column_keys import distinct_keys

    state, wanted = (table.combine_chunks().to_batches()[0] for table in (state, keys))
    codes, _ = distinct_keys(joined([state.select(names), wanted]), names)
    return state.filter(np.isin(codes[: len(state)], codes[len(state) :]))
