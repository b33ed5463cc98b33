"""What some operators take beside batches: watermarks, the clock, several inputs, a snapshot.

An operator has the methods of those protocols that concern it; the task looks once, when it builds the chain. To an
operator without ``watermark`` watermarks, idleness and side outputs are nothing: the task hands them on behind it.
"""

from collections.abc import Callable, Iterable
from typing import Protocol, runtime_checkable

from sage_local.core.elements import Element, Idleness, Rows, Side, Split, Watermark
from sage_local.runtime.protocol.blame import OperatorFailed
from sage_local.runtime.state.snapshot import StateSnapshot


@runtime_checkable
class EventTimed(Protocol):
    """Knows event time."""

    def watermark(self, watermark: Watermark) -> Iterable[Element]:
        """Event time has come this far: emit what is due, and then the watermark itself.

        At the end of input comes ``Watermark(MAX_TIMESTAMP)``, and ``end`` after it. When something of the user's
        raises, what it was called for is gone from state and timers already: called again, it goes on behind that.
        """


@runtime_checkable
class WatermarkOrigin(EventTimed, Protocol):
    """Makes the watermarks of its stream; those from before end here, all but the last."""

    def split(self, split: Split) -> Iterable[Element]:
        """The records that follow are of this split of the task's source; or it has ended."""

    def idleness(self, idleness: Idleness) -> Iterable[Element]:
        """Every input of the task is idle, or one of them is not any more."""


@runtime_checkable
class ClockTimed(Protocol):
    """Knows processing time."""

    def next_time_ms(self) -> int | None:
        """When ``advance_time`` has to be called, by the clock of the task's context; ``None`` when it need not be."""

    def advance_time(self, now_ms: int) -> Iterable[Element]:
        """The clock has come this far: emit what is due. Called between batches, at any time."""


@runtime_checkable
class Holding(EventTimed, Protocol):
    """Holds records back, but not across a barrier: so it needs no snapshot."""

    def let_go(self) -> Iterable[Element]:
        """Emit all of them."""

    def idleness(self, idleness: Idleness) -> Iterable[Element]:
        """Every input of the task is idle, or one of them is not any more: emit it, and what must not wait for it."""


@runtime_checkable
class ManyInputs(Protocol):
    """Tells its inputs apart; ``process`` is not called."""

    def process_input(self, index: int, rows: Rows) -> Iterable[Element]:
        """As ``process``, for rows of input ``index`` of the plan's edges."""


Divert = Callable[[OperatorFailed, int | None], Side | None]
"""What is emitted in place of what the user's code failed on, with a timestamp if any: ``Diversion.divert``."""


@runtime_checkable
class Diverting(Protocol):
    """Calls the user's code for things that are no records, and goes on behind one that fails if ``divert`` is set.

    It is set before ``open``, where ``on_error`` is not to fail the job.
    """

    divert: Divert | None


@runtime_checkable
class Stateful(Protocol):
    """Has state that outlives the process. Both are called between batches, ``restore`` before ``open``."""

    def snapshot(self) -> StateSnapshot:
        """All of it."""

    def restore(self, snapshot: StateSnapshot) -> None:
        """Put back the part of a whole operator's state that is this subtask's."""


@runtime_checkable
class Sliced(Stateful, Protocol):
    """Can be asked for the state of a moment, and give it in pieces later."""

    def capture(self, *, changes_only: bool) -> StateSnapshot:
        """As ``snapshot``, without what ``StateSnapshot.capture`` is to give.

        ``changes_only``: what has changed since the one before is enough. Whoever does not know gives everything.
        """
