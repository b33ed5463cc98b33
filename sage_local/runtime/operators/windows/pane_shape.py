"""How tumbling and sliding windows are made of panes."""

from collections.abc import Callable, Mapping
from typing import Any

from sage_local.core.data import data
from sage_local.plan import operators as specs
from sage_local.runtime.operators.windows.fold import Fold
from sage_local.runtime.protocol.explanations import windows_of_panes
from sage_local.windowing.assigner import WindowAssigner
from sage_local.windowing.assigners import SlidingWindows, TumblingWindows
from sage_local.windowing.calendar import EvenGrid, Grid
from sage_local.windowing.windows import TimeWindow


@data
class PaneShape:
    """``grid`` numbers the panes; a window is ``per_window`` of them and starts with every ``per_slide``-th."""

    grid: Grid
    per_window: int = 1
    per_slide: int = 1

    @staticmethod
    def of(assigner: WindowAssigner) -> "PaneShape":
        """A tumbling window is one pane."""
        if isinstance(assigner, SlidingWindows):
            return PaneShape(assigner.panes, assigner.panes_per_window, assigner.panes_per_slide)
        assert isinstance(assigner, TumblingWindows)
        return PaneShape(assigner.grid)

    def window(self, start: int) -> TimeWindow:
        """The window whose first pane is ``start``."""
        return TimeWindow(self.grid.start(start), self.grid.start(start + self.per_window))

    def first_window(self, pane: int) -> int:
        """Where the first window with ``pane`` in it starts."""
        return self.aligned_up(pane - self.per_window + 1)

    def aligned_up(self, pane: int) -> int:
        """The first pane from ``pane`` on that a window starts with."""
        return -(-pane // self.per_slide) * self.per_slide

    def waiting(self, panes: Mapping[int, int], open_from: int | None, most: int) -> list[tuple[TimeWindow, int]]:
        """At most so many windows of ``panes``, as ``windows_of_panes`` has them."""
        found = windows_of_panes(
            panes, per_window=self.per_window, per_slide=self.per_slide, open_from=open_from, most=most
        )
        return [(self.window(start), keys) for start, keys in found]


def pane_fold(
    spec: specs.Windowed, grid: Grid, key_function: Callable[[Any], Any] | None, *, copies: bool = False
) -> Fold:
    """Folds records into the panes of ``grid``."""
    if isinstance(grid, EvenGrid):
        size, offset = grid.size_ms, grid.offset_ms
        cell = f"t // {size}" if offset == 0 else f"(t - {offset}) // {size}"
        return Fold(spec.reduce, spec.aggregate, key_function, cell, copies=copies)
    return Fold(spec.reduce, spec.aggregate, key_function, "cell_of(t)", {"cell_of": grid.cell}, copies=copies)
