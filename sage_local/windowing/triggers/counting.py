"""After so many records."""

from dataclasses import dataclass
from typing import Any, ClassVar, Self

from sage_local.windowing.duration import positive_count
from sage_local.windowing.trigger import MergeContext, Trigger, TriggerContext, TriggerResult
from sage_local.windowing.windows import Window

_COUNT = "count"


@dataclass(frozen=True, slots=True)
class CountTrigger(Trigger):
    """Fires whenever ``count`` records have come since it last did."""

    count: int
    can_merge: ClassVar[bool] = True

    @classmethod
    def of(cls, count: int) -> Self:
        """Fire after every ``count`` records of a window."""
        return cls(positive_count(count, "count of CountTrigger"))

    def on_element(self, value: Any, timestamp: int, window: Window, context: TriggerContext, /) -> TriggerResult:
        """Count; fire at the last one."""
        seen = context.state.get(_COUNT, 0) + 1
        if seen < self.count:
            context.state[_COUNT] = seen
            return TriggerResult.CONTINUE
        context.state.pop(_COUNT, None)
        return TriggerResult.FIRE

    def on_merge(self, window: Window, context: MergeContext, /) -> None:
        """Add the counts; as in Flink, a sum that is enough fires at the next record, which is the one at hand."""
        context.state[_COUNT] = sum(state.get(_COUNT, 0) for state in context.merged_states)
