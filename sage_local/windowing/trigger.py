"""What a trigger is."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from enum import Flag
from typing import Any, ClassVar, Protocol

from sage_local.windowing.windows import Window


class TriggerResult(Flag):
    """What is to be done with a window now."""

    CONTINUE = 0
    FIRE = 1
    """Compute and emit the result; keep what is in the window."""
    PURGE = 2
    """Forget what is in the window; later records start it anew."""
    FIRE_AND_PURGE = 3


class TriggerContext(Protocol):
    """What a trigger may ask and do, for one key and one window. Valid during the call only."""

    @property
    def current_watermark(self) -> int:
        """The operator's event time (ms since the epoch)."""

    @property
    def current_processing_time(self) -> int:
        """The machine's clock (ms since the epoch)."""

    @property
    def state(self) -> dict[str, Any]:
        """What the trigger remembers of this key and window, by name. Part of the snapshot: its values must pickle."""

    def register_event_time_timer(self, timestamp: int, /) -> None:
        """Call ``on_event_time`` when the watermark has reached ``timestamp``."""

    def register_processing_time_timer(self, timestamp: int, /) -> None:
        """Call ``on_processing_time`` when the clock has reached ``timestamp``."""

    def delete_event_time_timer(self, timestamp: int, /) -> None:
        """Undo the registration; nothing happens when there is none."""

    def delete_processing_time_timer(self, timestamp: int, /) -> None:
        """Undo the registration; nothing happens when there is none."""


class MergeContext(TriggerContext, Protocol):
    """The context of the window that others were merged into."""

    @property
    def merged_states(self) -> Sequence[dict[str, Any]]:
        """The states of the windows that were merged, which are gone."""


class Trigger(ABC):
    """Decides when a window's result is computed. Immutable: what it remembers lives in ``context.state``."""

    can_merge: ClassVar[bool] = False
    """Whether ``on_merge`` is built; windows that merge (sessions) take only triggers that have it."""

    @abstractmethod
    def on_element(self, value: Any, timestamp: int, window: Window, context: TriggerContext, /) -> TriggerResult:
        """Called for each record after it was added to ``window``."""

    def on_event_time(self, timestamp: int, window: Window, context: TriggerContext, /) -> TriggerResult:
        """Called when an event-time timer of the window is due."""
        return TriggerResult.CONTINUE

    def on_processing_time(self, timestamp: int, window: Window, context: TriggerContext, /) -> TriggerResult:
        """Called when a processing-time timer of the window is due."""
        return TriggerResult.CONTINUE

    def on_merge(self, window: Window, context: MergeContext, /) -> None:
        """Called when several windows became ``window``: put their states together and register its timers."""
        raise NotImplementedError(f"{type(self).__name__} can not merge windows")

    def clear(self, window: Window, context: TriggerContext, /) -> None:  # noqa: B027  # most have no timers
        """Called when the window is over or was merged: delete its timers. Its ``state`` is forgotten in any case."""
