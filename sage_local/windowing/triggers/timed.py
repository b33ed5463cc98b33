"""At the end of the window, on either clock, or never."""

from dataclasses import dataclass
from typing import Any, ClassVar

from sage_local.windowing.trigger import MergeContext, Trigger, TriggerContext, TriggerResult
from sage_local.windowing.windows import Window


@dataclass(frozen=True, slots=True)
class EventTimeTrigger(Trigger):
    """Fires when the watermark passes the end of the window; then at once for each record that is late but allowed."""

    can_merge: ClassVar[bool] = True

    def on_element(self, value: Any, timestamp: int, window: Window, context: TriggerContext, /) -> TriggerResult:
        """Fire a window that is past its end already."""
        if window.max_timestamp <= context.current_watermark:
            return TriggerResult.FIRE
        context.register_event_time_timer(window.max_timestamp)
        return TriggerResult.CONTINUE

    def on_event_time(self, timestamp: int, window: Window, context: TriggerContext, /) -> TriggerResult:
        """Fire at the end."""
        return TriggerResult.FIRE if timestamp == window.max_timestamp else TriggerResult.CONTINUE

    def on_merge(self, window: Window, context: MergeContext, /) -> None:
        """Wait for the new end, unless it has passed: then the record that caused the merge fires it."""
        if window.max_timestamp > context.current_watermark:
            context.register_event_time_timer(window.max_timestamp)

    def clear(self, window: Window, context: TriggerContext, /) -> None:
        """Stop waiting."""
        context.delete_event_time_timer(window.max_timestamp)


@dataclass(frozen=True, slots=True)
class ProcessingTimeTrigger(Trigger):
    """Fires when the machine's clock passes the end of the window."""

    can_merge: ClassVar[bool] = True

    def on_element(self, value: Any, timestamp: int, window: Window, context: TriggerContext, /) -> TriggerResult:
        """Wait for the end."""
        context.register_processing_time_timer(window.max_timestamp)
        return TriggerResult.CONTINUE

    def on_processing_time(self, timestamp: int, window: Window, context: TriggerContext, /) -> TriggerResult:
        """Fire at the end."""
        return TriggerResult.FIRE if timestamp == window.max_timestamp else TriggerResult.CONTINUE

    def on_merge(self, window: Window, context: MergeContext, /) -> None:
        """Wait for the new end."""
        context.register_processing_time_timer(window.max_timestamp)

    def clear(self, window: Window, context: TriggerContext, /) -> None:
        """Stop waiting."""
        context.delete_processing_time_timer(window.max_timestamp)


@dataclass(frozen=True, slots=True)
class NeverTrigger(Trigger):
    """Never fires: the default of the global window."""

    can_merge: ClassVar[bool] = True

    def on_element(self, value: Any, timestamp: int, window: Window, context: TriggerContext, /) -> TriggerResult:
        """Go on."""
        return TriggerResult.CONTINUE

    def on_merge(self, window: Window, context: MergeContext, /) -> None:
        """There is nothing to put together."""
