"""Windows that merge, under any trigger: which are open for each key, and what becomes of those that were merged."""

from collections.abc import Callable
from functools import reduce
from typing import Any

from sage_local.runtime.operators.windows.fold import Fold
from sage_local.runtime.operators.windows.triggering import Triggering
from sage_local.runtime.state.backend import Table, remove
from sage_local.windowing.trigger import Trigger
from sage_local.windowing.windows import TimeWindow, Window


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
        contents = self._contents_of(key, joined, whole)
        self._table.changed((key,))
        self._open[key] = [*(each for each in known if each not in joined), whole]
        self._replace(key, joined, whole, contents)
        return whole

    def retire(self, key: Any, window: Window) -> None:
        """``window`` is over, or was too late to begin with."""
        left = [each for each in self._open.get(key, ()) if each != window]
        self._table.changed((key,))
        if left:
            self._open[key] = left
        else:
            self._open.pop(key, None)

    def _contents_of(self, key: Any, joined: list[TimeWindow], whole: TimeWindow) -> list[Any]:
        """One accumulator at most. When the user's code raises here, the windows stay apart as they were."""
        if not joined:
            return []
        contents = [space[key] for each in joined if key in (space := self._contents.find(each) or {})]
        self._context.merged_states = tuple(self._state(key, each) for each in joined)
        together = [reduce(self._fold.merge_two, contents)] if contents else []
        self._context.move(key, whole)
        self._trigger.on_merge(whole, self._context)
        return together

    def _state(self, key: Any, window: TimeWindow) -> dict[str, Any]:
        self._context.move(key, window)
        return dict(self._context.peek())

    def _replace(self, key: Any, joined: list[TimeWindow], whole: TimeWindow, contents: list[Any]) -> None:
        for each in joined:
            remove(self._contents, key, each)
        for accumulator in contents:
            self._contents.changed((key,), whole)
            self._contents.space(whole)[key] = accumulator
        for each in joined:
            if each != whole:
                self._context.move(key, each)
                self._trigger.clear(each, self._context)
                self._context.forget()
                self._context.delete_event_time_timer(self._forget_at(each))
                self._context.delete_processing_time_timer(self._forget_at(each))
