"""Reading split sources whose readers poll batches of columns."""

from contextlib import nullcontext
from typing import Any

from sage_local.core.elements import Columns
from sage_local.runtime.channels.frame import Frame
from sage_local.runtime.operators.source import SplitInput
from sage_local.runtime.protocol.blame import NO_RECORD, OperatorFailed
from sage_local.runtime.scheduler.pinning import unpinned


class ColumnInput(SplitInput):
    """As ``SplitInput``. How many records a batch has is for the source to say: no pace is kept.

    A frame of columns costs about the same whatever its length, so one record at first would not find out anything.
    """

    def _poll(self, reading: Any) -> Any:
        import pyarrow as pa

        # Reading ahead begins with the first batch of a split.
        with unpinned() if reading.reader is None else nullcontext():
            batch = self._polled(reading)
        if batch is None or isinstance(batch, pa.RecordBatch):
            return batch
        found = TypeError(f"poll() of a reader of columns returns a RecordBatch or None, found {type(batch).__name__}")
        raise OperatorFailed(self.name, NO_RECORD, found)

    def _frame(self, values: Any) -> Frame:
        self._counters.gave(len(values))
        return Frame(Columns(values), ends_turn=True)
