"""What an assigner is."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar

from sage_local.core.time_domain import TimeDomain
from sage_local.windowing.trigger import Trigger
from sage_local.windowing.windows import Window


class WindowAssigner(ABC):
    """Tells which windows a record belongs to. Immutable: one instance serves every key of every subtask.

    ``merges`` is true when windows that touch become one (sessions); a trigger of such windows must allow it.
    """

    domain: ClassVar[TimeDomain]
    merges: ClassVar[bool] = False

    @abstractmethod
    def assign(self, value: Any, timestamp: int, /) -> Sequence[Window]:
        """The windows of ``value``; ``timestamp`` is in the assigner's own domain."""

    @abstractmethod
    def default_trigger(self) -> Trigger:
        """When the windows fire if the program does not say."""
