"""Again and again while the window is open."""

from dataclasses import dataclass
from typing import Any, ClassVar, Self

from sage_local.windowing.duration import Duration, positive_ms
from sage_local.windowing.trigger import MergeContext, Trigger, TriggerContext, TriggerResult
from sage_local.windowing.windows import Window

_NEXT = "next firing"


@dataclass(frozen=True, slots=True)
class ContinuousEventTimeTrigger(Trigger):
    """Fires at every multiple of ``interval_ms`` that the watermark passes, and at the end of the window."""

    interval_ms: int
    can_merge: ClassVar[bool] = True

    @classmethod
    def of(cls, interval: Duration) -> Self:
        """Fire every ``interval`` of event time."""
        return cls(positive_ms(interval, "interval of ContinuousEventTimeTrigger"))

    def on_element(self, value: Any, timestamp: int, window: Window, context: TriggerContext, /) -> TriggerResult:
        """Fire at once past the end; else wait for the next multiple and for the end."""
        if window.max_timestamp <= context.current_watermark:
            return TriggerResult.FIRE
        context.register_event_time_timer(window.max_timestamp)
        if _NEXT not in context.state:
            self._wait(timestamp - timestamp % self.interval_ms + self.interval_ms, window, context)
        return TriggerResult.CONTINUE

    def on_event_time(self, timestamp: int, window: Window, context: TriggerContext, /) -> TriggerResult:
        """Fire, and wait for the next multiple."""
        if timestamp == window.max_timestamp:
            return TriggerResult.FIRE
        if timestamp != context.state.get(_NEXT):
            return TriggerResult.CONTINUE
        del context.state[_NEXT]
        self._wait(timestamp + self.interval_ms, window, context)
        return TriggerResult.FIRE

    def on_merge(self, window: Window, context: MergeContext, /) -> None:
        """Keep the earliest of the waiting times."""
        waiting = [state[_NEXT] for state in context.merged_states if _NEXT in state]
        if waiting:
            self._wait(min(waiting), window, context)
        if window.max_timestamp > context.current_watermark:
            context.register_event_time_timer(window.max_timestamp)

    def clear(self, window: Window, context: TriggerContext, /) -> None:
        """Stop waiting."""
        context.delete_event_time_timer(window.max_timestamp)
        if _NEXT in context.state:
            context.delete_event_time_timer(context.state[_NEXT])

    def _wait(self, timestamp: int, window: Window, context: TriggerContext) -> None:
        # Beyond the end there is nothing to wait for, and at the end of input the multiples would never run out.
        if timestamp < window.max_timestamp:
            context.state[_NEXT] = timestamp
            context.register_event_time_timer(timestamp)


@dataclass(frozen=True, slots=True)
class ContinuousProcessingTimeTrigger(Trigger):
    """Fires at every multiple of ``interval_ms`` of the machine's clock while the window is open and has records."""

    interval_ms: int
    can_merge: ClassVar[bool] = True

    @classmethod
    def of(cls, interval: Duration) -> Self:
        """Fire every ``interval`` of processing time."""
        return cls(positive_ms(interval, "interval of ContinuousProcessingTimeTrigger"))

    def on_element(self, value: Any, timestamp: int, window: Window, context: TriggerContext, /) -> TriggerResult:
        """Wait for the next multiple."""
        if _NEXT not in context.state:
            now = context.current_processing_time
            self._wait(now - now % self.interval_ms + self.interval_ms, context)
        return TriggerResult.CONTINUE

    def on_processing_time(self, timestamp: int, window: Window, context: TriggerContext, /) -> TriggerResult:
        """Fire, and wait for the next multiple."""
        if timestamp != context.state.get(_NEXT):
            return TriggerResult.CONTINUE
        # From the clock, not from the timer: after a pause one firing is due, not one for each multiple missed.
        now = max(timestamp, context.current_processing_time)
        self._wait(now - now % self.interval_ms + self.interval_ms, context)
        return TriggerResult.FIRE

    def on_merge(self, window: Window, context: MergeContext, /) -> None:
        """Keep the earliest of the waiting times."""
        waiting = [state[_NEXT] for state in context.merged_states if _NEXT in state]
        if waiting:
            self._wait(min(waiting), context)

    def clear(self, window: Window, context: TriggerContext, /) -> None:
        """Stop waiting."""
        if _NEXT in context.state:
            context.delete_processing_time_timer(context.state[_NEXT])

    def _wait(self, timestamp: int, context: TriggerContext) -> None:
        context.state[_NEXT] = timestamp
        context.register_processing_time_timer(timestamp)
