"""Windows that merge, under any trigger: which are open for each key, and what becomes of those that were merged."""

from collections.abc import Callable
from typing import Any

from sage_local.runtime.operators.windows.fold import Fold
from sage_local.runtime.operators.windows.triggering import Triggering
from sage_local.runtime.state.backend import Table
from sage_local.windowing.trigger import Trigger
from sage_local.windowing.windows import TimeWindow, Window

_NOTHING = object()


class MergingWindows:
    """``table`` holds the open windows of each key; ``contents`` and the trigger's state follow the merges."""

    def __init__(
        self,
        table: Table,
        contents: Table,
        trigger: Trigger,
        context: Triggering,
        fold: Fold,
        forget_at: Callable[[Window], int],
    ) -> None:
        self._table = table
        self._open: Any = table.space()
        self._contents = contents
        self._trigger = trigger
        self._context = context
        self._fold = fold
        self._forget_at = forget_at

    def is_open(self, key: Any, window: Window) -> bool:
        """Whether ``window`` is there, and was not merged into another."""
        return window in self._open.get(key, ())

    def add(self, key: Any, window: TimeWindow) -> TimeWindow:
        """The window that ``window`` and those of ``key`` that touch it have become."""
        known: list[TimeWindow] = self._open.get(key, [])
        joined = sorted(each for each in known if each.touches(window))
        whole = window
        for each in joined:
            whole = whole.cover(each)
        if joined == [whole]:
            return whole
        self._open[key] = [*(each for each in known if each not in joined), whole]
        self._table.changed((key,))
        if joined:
            self._merge(key, joined, whole)
        return whole

    def retire(self, key: Any, window: Window) -> None:
        """``window`` is over, or was too late to begin with."""
        left = [each for each in self._open.get(key, ()) if each != window]
        if left:
            self._open[key] = left
        else:
            self._open.pop(key, None)
        self._table.changed((key,))

    def _merge(self, key: Any, joined: list[TimeWindow], whole: TimeWindow) -> None:
        contents = [self._take(key, each) for each in joined]
        self._context.merged_states = tuple(self._state(key, each) for each in joined)
        self._context.move(key, whole)
        self._trigger.on_merge(whole, self._context)
        for each in joined:
            if each != whole:
                self._context.move(key, each)
                self._trigger.clear(each, self._context)
                self._context.forget()
                self._context.delete_event_time_timer(self._forget_at(each))
                self._context.delete_processing_time_timer(self._forget_at(each))
        present = [each for each in contents if each is not _NOTHING]
        if present:
            together = present[0]
            for each in present[1:]:
                together = self._fold.merge_two(together, each)
            self._contents.space(whole)[key] = together
            self._contents.changed((key,), whole)

    def _state(self, key: Any, window: TimeWindow) -> dict[str, Any]:
        self._context.move(key, window)
        return dict(self._context.peek())

    def _take(self, key: Any, window: TimeWindow) -> Any:
        space = self._contents.find(window)
        if space is None or key not in space:
            return _NOTHING
        taken = space.pop(key)
        self._contents.changed((key,), window)
        if not space:
            self._contents.drop(window)
        return taken
