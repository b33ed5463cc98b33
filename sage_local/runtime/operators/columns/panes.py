"""Windows of columns: which pane each record is in, and where panes end."""

from typing import Any, Final

from sage_local.functions.expressions import column_index
from sage_local.functions.times import milliseconds, time_type
from sage_local.windowing.assigners import SlidingWindows, TumblingWindows
from sage_local.windowing.calendar import EvenGrid, Grid

PANE: Final = "\0pane"
"""The column with the start of each record's pane, of the type that window starts have."""


class Panes:
    """The panes of tumbling or sliding windows: pieces of time that no window cuts."""

    def __init__(self, assigner: TumblingWindows | SlidingWindows) -> None:
        self.is_sliding = isinstance(assigner, SlidingWindows)
        self.grid: Grid = assigner.panes if isinstance(assigner, SlidingWindows) else assigner.grid
        self.per_window = assigner.panes_per_window if isinstance(assigner, SlidingWindows) else 1
        # Of what the starts of panes are apart: what numbers them.
        self.steps = {PANE: self.grid.size_ms} if isinstance(self.grid, EvenGrid) else {}
        self.per_slide = assigner.panes_per_slide if isinstance(assigner, SlidingWindows) else 1

    def of(self, batch: Any, time_column: str) -> Any:
        """The start of the pane of each record."""
        import pyarrow as pa

        column = batch.column(column_index(batch.schema, time_column))
        times = milliseconds(column, time_column)
        return pa.array(self._starts(times), pa.int64()).cast(time_type(column.type))

    def _starts(self, times: Any) -> Any:
        import numpy as np

        if isinstance(self.grid, EvenGrid):
            return (times - self.grid.offset_ms) // self.grid.size_ms * self.grid.size_ms + self.grid.offset_ms
        if not len(times):
            return times
        # On a local clock panes are of different lengths; their starts are few, and in order.
        first, last = self.grid.cell(int(times.min())), self.grid.cell(int(times.max()))
        starts = np.array([self.grid.start(cell) for cell in range(first, last + 1)], np.int64)
        return starts[np.searchsorted(starts, times, side="right") - 1]

    def ends(self, starts: Any) -> Any:
        """The end of the last window that each pane, given by its start, is in."""
        import numpy as np

        if isinstance(self.grid, EvenGrid) and not self.is_sliding:
            return starts + self.grid.size_ms
        distinct, places = np.unique(starts, return_inverse=True)
        return np.array([self.last_end(int(start)) for start in distinct], np.int64)[places]

    def last_end(self, start: int) -> int:
        """The end of the last window with the pane that begins at ``start``."""
        cell = self.grid.cell(start)
        return self.grid.start(cell - cell % self.per_slide + self.per_window)


def pane_starts(partial: Any) -> Any:
    """The panes of a partial, as an array of numpy."""
    import pyarrow as pa

    return partial.column(PANE).cast(pa.int64()).to_numpy()
