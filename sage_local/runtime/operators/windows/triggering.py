"""What a trigger asks its operator for."""

from collections.abc import Callable, Sequence
from typing import Any

from sage_local.core.clock import Clock
from sage_local.runtime.state.backend import Table, remove
from sage_local.runtime.state.timers import Timers
from sage_local.windowing.windows import Window


class Triggering:
    """The context of all triggers of an operator, moved from one key and window to the next.

    The namespaces of ``table`` are the windows.
    """

    def __init__(
        self, table: Table, event: Timers, processing: Timers, clock: Clock, watermark: Callable[[], int]
    ) -> None:
        self._table = table
        self._event = event
        self._processing = processing
        self._clock = clock
        self._watermark_of = watermark
        self._key: Any = None
        self._window: Any = None
        self.merged_states: Sequence[dict[str, Any]] = ()

    def move(self, key: Any, window: Window) -> None:
        """To another key and window."""
        self._key = key
        self._window = window

    @property
    def current_watermark(self) -> int:
        """See ``TriggerContext``."""
        return self._watermark_of()

    @property
    def current_processing_time(self) -> int:
        """See ``TriggerContext``."""
        return self._clock.now_ms()

    @property
    def state(self) -> dict[str, Any]:
        """See ``TriggerContext``."""
        space = self._table.space(self._window)
        self._table.changed((self._key,), self._window)
        found: dict[str, Any] | None = space.get(self._key)
        if found is None:
            found = space[self._key] = {}
        return found

    def peek(self) -> dict[str, Any]:
        """The state, without making one."""
        return (self._table.find(self._window) or {}).get(self._key) or {}

    def forget(self) -> None:
        """The window is over: so is the trigger's state."""
        remove(self._table, self._key, self._window)

    def register_event_time_timer(self, timestamp: int, /) -> None:
        """See ``TriggerContext``."""
        self._event.register(timestamp, self._key, self._window)

    def register_processing_time_timer(self, timestamp: int, /) -> None:
        """See ``TriggerContext``."""
        self._processing.register(timestamp, self._key, self._window)

    def delete_event_time_timer(self, timestamp: int, /) -> None:
        """See ``TriggerContext``."""
        self._event.delete(timestamp, self._key, self._window)

    def delete_processing_time_timer(self, timestamp: int, /) -> None:
        """See ``TriggerContext``."""
        self._processing.delete(timestamp, self._key, self._window)
