"""Functions of a whole window."""

from collections.abc import Iterable
from typing import Any, Generic, Protocol, TypeVar

from sage_local.functions.function import Function
from sage_local.functions.output_tag import OutputTag
from sage_local.functions.state import StateDescriptor
from sage_local.windowing.windows import TimeWindow

IN_contra = TypeVar("IN_contra", contravariant=True)
OUT = TypeVar("OUT")
K_contra = TypeVar("K_contra", contravariant=True)
S = TypeVar("S")


class WindowContext(Protocol):
    """What a ``ProcessWindowFunction`` knows of the window at hand. Valid during the call only."""

    @property
    def window(self) -> TimeWindow:
        """The window; a ``GlobalWindow`` for global and count windows, which has no start and end."""

    @property
    def current_watermark(self) -> int:
        """The operator's event time (ms since the epoch)."""

    @property
    def current_processing_time(self) -> int:
        """The machine's clock (ms since the epoch)."""

    def window_state(self, descriptor: StateDescriptor[S], /) -> S:
        """State of this key and window: for windows that fire several times. Forgotten with the window.

        Raises ``StateError`` for windows that merge (sessions): they have ``global_state`` only.
        """

    def global_state(self, descriptor: StateDescriptor[S], /) -> S:
        """State of this key, for all its windows; it stays until it is cleared."""


class ProcessWindowFunction(Function, Generic[IN_contra, OUT, K_contra]):
    """Sees the whole window when it fires. Behind ``reduce`` or ``aggregate`` ``values`` holds their one result."""

    def process(
        self, key: K_contra, context: WindowContext, values: Iterable[IN_contra], /
    ) -> Iterable[OUT | tuple[OutputTag[Any], Any]]:
        """What the window results in; may be a generator. ``yield tag, value`` writes to a side output.

        Windows that overlap, or fire again, share the records: do not change them in place.
        """
        raise NotImplementedError(f"{type(self).__name__} does not override process()")

    def clear(self, context: WindowContext, /) -> None:
        """Called when the window is over, or purged: the last time to look at its state."""
