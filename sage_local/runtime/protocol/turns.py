"""Who answers which turn, and whom a receiver listens to, so that order needs no buffers.

Turns are numbered from 0 over the whole stage. Of ``senders`` subtasks, subtask s answers turns s, s + senders, …; a
dealt edge hands turn t to receiver t mod receivers, a keyed or broadcast one hands every turn to every receiver. What a
stage emits at its end of input is one more turn of every subtask, in order of the subtasks; the arithmetic holds for it
too.
"""

from dataclasses import dataclass


@dataclass(slots=True)
class SenderTurns:
    """The global numbers of the turns that one sender answers."""

    subtask: int
    senders: int
    answered: int = 0

    @property
    def turn(self) -> int:
        """The global number of the turn that is being answered."""
        return self.subtask + self.answered * self.senders

    def advance(self) -> None:
        """The turn is answered."""
        self.answered += 1


@dataclass(slots=True)
class ReceiverTurns:
    """The order in which one receiver listens to its senders: ``first`` and ``step`` say which turns it gets."""

    senders: int
    first: int
    step: int
    taken: int = 0

    @property
    def sender(self) -> int:
        """Whose frames come next."""
        return (self.first + self.taken * self.step) % self.senders

    def advance(self) -> None:
        """The run of frames of this turn has ended."""
        self.taken += 1


def dealt_to(receiver: int, *, senders: int, receivers: int) -> ReceiverTurns:
    """The turns of ``receiver`` of a dealt edge."""
    return ReceiverTurns(senders, receiver, receivers)


def every_turn(*, senders: int) -> ReceiverTurns:
    """All turns: every receiver of a keyed or broadcast edge."""
    return ReceiverTurns(senders, 0, 1)
