"""The watermark of several inputs: the least of those that are not idle, and never going back."""

from collections.abc import Sequence

from sage_local.core.elements import MAX_TIMESTAMP, MIN_TIMESTAMP, Idleness, Watermark

Change = Watermark | Idleness


class InputWatermarks:
    """Per input (a channel, or a split of a source): how far its event time has come, and whether it is idle.

    ``go_on``, ``advance`` and ``set_idle`` return what the task has to hear of it: nothing, a watermark, or that all
    inputs are idle now (or one is not any more). An input that has come to the end of time holds nothing back, and
    alone does not make the task active. One that was stopped stays where it is: its time goes on when the job does.
    Costs O(inputs) only when the input that held back the others moves.
    """

    __slots__ = ("_held_back_by", "_idle", "_is_idle", "_watermark", "_watermarks")

    def __init__(self, inputs: int) -> None:
        self._watermarks = [MIN_TIMESTAMP] * inputs
        self._idle = [False] * inputs
        self._watermark = MIN_TIMESTAMP
        self._is_idle = False
        self._held_back_by = 0

    @property
    def inputs(self) -> int:
        """How many there are."""
        return len(self._watermarks)

    @property
    def watermark(self) -> int:
        """What was last emitted."""
        return self._watermark

    @property
    def is_idle(self) -> bool:
        """Whether every input is idle."""
        return self._is_idle

    def of(self, number: int) -> tuple[int, bool]:
        """The watermark of one input, and whether it is idle."""
        return self._watermarks[number], self._idle[number]

    def held_back_by(self) -> int | None:
        """The input that all others wait for; ``None`` when all are idle."""
        return self._slowest() if self._active() else None

    def go_on(self, watermark: int, inputs: Sequence[tuple[int, bool]]) -> list[Change]:
        """As when ``watermark`` was the last one emitted, and ``of`` said this of each input; before all else.

        Where there are other inputs now, nobody knows which of them is which: then they begin anew, and time goes on
        when all of them have come as far as it had.
        """
        # First of all: an input may be behind it, having been idle then or since, and time does not go back.
        changes = self._raise_to(watermark)
        for number, (timestamp, is_idle) in enumerate(inputs if len(inputs) == self.inputs else ()):
            changes += self.advance(number, timestamp)
            if is_idle:
                changes += self.set_idle(number, True)
        return changes

    def advance(self, number: int, timestamp: int) -> list[Change]:
        """Input ``number`` has come to ``timestamp``; a watermark makes an idle input active."""
        if timestamp > self._watermarks[number]:
            self._watermarks[number] = timestamp
        elif not self._idle[number]:
            return []
        return self._wake(number)

    def set_idle(self, number: int, idle: bool) -> list[Change]:
        """Input ``number`` became idle, or active again without having come any further."""
        if not idle:
            return self._wake(number)
        if self._idle[number]:
            return []
        self._idle[number] = True
        return self._changes()

    def _wake(self, number: int) -> list[Change]:
        if self._idle[number]:
            self._idle[number] = False
        elif number != self._held_back_by:
            return []
        return self._changes()

    def _changes(self) -> list[Change]:
        active = self._active()
        talking = [number for number in active if self._watermarks[number] < MAX_TIMESTAMP]
        if talking or not any(self._idle):
            return [*self._awake(), *self._raise_to(min(self._watermarks[number] for number in active))]
        # As if those that were behind had become idle first: the result must not depend on the order.
        known = [mark for mark, idle in zip(self._watermarks, self._idle, strict=True) if idle]
        raised = self._raise_to(max(known))
        if self._is_idle:
            return raised
        self._is_idle = True
        return [*raised, Idleness(True)]

    def _awake(self) -> list[Change]:
        self._held_back_by = self._slowest()
        if not self._is_idle:
            return []
        self._is_idle = False
        return [Idleness(False)]

    def _raise_to(self, timestamp: int) -> list[Change]:
        if timestamp <= self._watermark:
            return []
        self._watermark = timestamp
        return [Watermark(timestamp)]

    def _slowest(self) -> int:
        return min(self._active(), key=self._watermarks.__getitem__)

    def _active(self) -> list[int]:
        return [number for number, idle in enumerate(self._idle) if not idle]
