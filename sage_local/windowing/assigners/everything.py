"""One window for everything."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from sage_local.core.time_domain import TimeDomain
from sage_local.windowing.assigner import WindowAssigner
from sage_local.windowing.trigger import Trigger
from sage_local.windowing.triggers import NeverTrigger
from sage_local.windowing.windows import GLOBAL_WINDOW, GlobalWindow

_EVERYTHING = (GLOBAL_WINDOW,)


@dataclass(frozen=True, slots=True)
class GlobalWindows(WindowAssigner):
    """All records of a key in one window that never ends: give it a trigger, or it never fires."""

    # Nothing is asked of the records' own time, so streams without timestamps can have it.
    domain: ClassVar[TimeDomain] = TimeDomain.PROCESSING

    def assign(self, value: Any, timestamp: int, /) -> Sequence[GlobalWindow]:
        """The one window."""
        return _EVERYTHING

    def default_trigger(self) -> Trigger:
        """Never."""
        return NeverTrigger()
