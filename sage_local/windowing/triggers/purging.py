"""Any trigger, with the window emptied whenever it fires."""

from dataclasses import dataclass
from typing import Any, Self

from sage_local.errors import PlanError
from sage_local.windowing.trigger import MergeContext, Trigger, TriggerContext, TriggerResult
from sage_local.windowing.windows import Window


@dataclass(frozen=True, slots=True)
class PurgingTrigger(Trigger):
    """Fires when ``trigger`` does, and forgets what was in the window."""

    trigger: Trigger

    @classmethod
    def of(cls, trigger: Trigger) -> Self:
        """Purge whenever ``trigger`` fires."""
        if not isinstance(trigger, Trigger):
            raise PlanError(f"PurgingTrigger.of takes a Trigger; found {trigger!r}")
        return cls(trigger)

    @property
    def can_merge(self) -> bool:  # type: ignore[override]  # depends on the instance here
        """As the trigger inside."""
        return self.trigger.can_merge

    def on_element(self, value: Any, timestamp: int, window: Window, context: TriggerContext, /) -> TriggerResult:
        """As the trigger inside, with purging."""
        return _purging(self.trigger.on_element(value, timestamp, window, context))

    def on_event_time(self, timestamp: int, window: Window, context: TriggerContext, /) -> TriggerResult:
        """As the trigger inside, with purging."""
        return _purging(self.trigger.on_event_time(timestamp, window, context))

    def on_processing_time(self, timestamp: int, window: Window, context: TriggerContext, /) -> TriggerResult:
        """As the trigger inside, with purging."""
        return _purging(self.trigger.on_processing_time(timestamp, window, context))

    def on_merge(self, window: Window, context: MergeContext, /) -> None:
        """As the trigger inside."""
        self.trigger.on_merge(window, context)

    def clear(self, window: Window, context: TriggerContext, /) -> None:
        """As the trigger inside."""
        self.trigger.clear(window, context)


def _purging(result: TriggerResult) -> TriggerResult:
    return result | TriggerResult.PURGE if result & TriggerResult.FIRE else result
