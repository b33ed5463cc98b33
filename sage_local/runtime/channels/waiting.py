"""How a worker waits, and how it lets its peers know that there is something to look at."""

from collections.abc import Callable, Sequence
from functools import partial

from sage_local.runtime.channels.ring import RingReceiver, RingSender
from sage_local.runtime.native import Doorbell, RingReader, WaitSet
from sage_local.runtime.protocol.spinning import SpinBudget

LONGEST_SLEEP_S = 3600.0
"""Without a timer nothing but the doorbell is waited for; the bound is only what fits every type of a timeout."""


class Peers:
    """Remembers whom we wrote to or gave room, and rings each of them once per round."""

    def __init__(self) -> None:
        self._touched: set[Doorbell] = set()

    def toucher(self, bell: Doorbell) -> Callable[[], None]:
        """What a channel calls after each record; costs next to nothing."""
        return partial(self._touched.add, bell)

    def notify(self) -> None:
        """Ring them. Before every sleep, or a peer waits for what is there already."""
        for bell in self._touched:
            bell.notify()
        self._touched.clear()


class Rest:
    """Waits for the doorbell of this worker: looks again for a while where that pays off, then sleeps."""

    def __init__(
        self,
        bell: Doorbell,
        commands: RingReader,
        receivers: Sequence[RingReceiver],
        senders: Sequence[RingSender],
        *,
        may_spin: bool,
    ) -> None:
        self._bell = bell
        self._senders = senders
        self._rings = WaitSet([commands, *(receiver.reader for receiver in receivers)], [s.writer for s in senders])
        self._budget = SpinBudget(allowed=may_spin)

    def until(
        self, round_: Callable[[], bool], timeout_s: Callable[[], float], before_sleep: Callable[[], None]
    ) -> None:
        """Return once there is something to do: ``round_`` did some of it, the bell was rung or ``timeout_s`` is over.

        ``before_sleep`` is called where nothing is left to do at once.
        """
        self._await_releases()
        if self._budget.us and self._rings.spin(self._budget.us) and round_():
            self._budget.found()
            return
        before_sleep()
        self._bell.arm()
        # Whatever came before the bell was armed, or was not awaited by then, rang nothing: look again.
        if round_() or self._await_releases():
            self._bell.disarm()
            self._budget.found()
            return
        self._bell.wait(min(timeout_s(), LONGEST_SLEEP_S))
        self._budget.missed()

    def _await_releases(self) -> bool:
        """Let all receivers know whether we wait for them; whether we newly do for any."""
        return bool([sender for sender in self._senders if sender.await_release()])
