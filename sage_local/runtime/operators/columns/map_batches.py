"""Functions of whole batches."""

import pickle
from collections.abc import Iterable
from typing import Any

from sage_local.core.elements import Element, Rows, Watermark
from sage_local.functions.grouping import joined
from sage_local.functions.tables import batches_of
from sage_local.plan import columns as specs
from sage_local.runtime.codec.columns import decode_stream, encode_stream
from sage_local.runtime.metrics.table import OperatorCounters
from sage_local.runtime.operators.columns.base import ColumnOperator
from sage_local.runtime.operators.protocol import TaskContext
from sage_local.runtime.operators.user_function import UserFunction
from sage_local.runtime.protocol.blame import NO_RECORD, OperatorFailed, blame
from sage_local.runtime.state.chunk import PROTOCOL
from sage_local.runtime.state.snapshot import StateSnapshot


class MapBatches(ColumnOperator):
    """Calls the user's function with each batch.

    With a batch size, small batches are joined up to it; a watermark or the end of input lets go of the rest.
    """

    def __init__(self, spec: specs.MapBatches, counters: OperatorCounters) -> None:
        super().__init__(spec, counters)
        self._function = UserFunction(spec.name, spec.function)
        # A function class has one hook, ``process``.
        self._call = getattr(spec.function, "process", spec.function)
        self._size = spec.batch_size
        self._schema = spec.schema
        self._kept: list[Any] = []
        self._kept_rows = 0

    def open(self, context: TaskContext) -> None:
        """Open the function."""
        self._function.open(context)

    def close(self) -> None:
        """Close it."""
        self._function.close()

    def snapshot(self) -> StateSnapshot:
        """See ``Stateful``: what waits for more."""
        kept = [encode_stream(batch).to_pybytes() for batch in self._kept]
        return StateSnapshot(subtasks=[pickle.dumps(kept, PROTOCOL)], entries={"waiting": self._kept_rows})

    def restore(self, snapshot: StateSnapshot) -> None:
        """See ``Stateful``."""
        for written in snapshot.subtasks:
            for data in pickle.loads(written):
                self._keep(decode_stream(data))

    def process(self, rows: Rows) -> Iterable[Element]:
        """What the function makes of the batch."""
        batch = rows.values
        self._counters.took(len(batch))
        if self._size is None:
            yield from self.emitted(self._result(batch))
            return
        if self._kept_rows + len(batch) < self._size:
            self._keep(batch)
            return
        joined = self._joined(batch)
        whole = len(joined) // self._size * self._size
        for start in range(0, whole, self._size):
            yield from self.emitted(self._result(joined.slice(start, self._size)))
        if whole < len(joined):
            self._keep(joined.slice(whole))

    def watermark(self, watermark: Watermark) -> Iterable[Element]:
        """What waits belongs before it."""
        yield from self.end()
        yield watermark

    def end(self) -> Iterable[Element]:
        """What waits for more."""
        if self._kept:
            yield from self.emitted(self._result(self._joined(None)))

    def _keep(self, batch: Any) -> None:
        self._kept.append(batch)
        self._kept_rows += len(batch)

    def _joined(self, batch: Any) -> Any:
        parts = [*self._kept] if batch is None else [*self._kept, batch]
        self._kept, self._kept_rows = [], 0
        with self.blamed():
            return joined(parts)

    def _result(self, batch: Any) -> list[Any]:
        try:
            returned = self._call(batch)
        except BaseException as error:
            blame(self.name, NO_RECORD, error)
        try:
            return batches_of(returned, self._schema)
        except (TypeError, ValueError) as error:
            raise OperatorFailed(self.name, NO_RECORD, error) from error
