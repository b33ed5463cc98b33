"""Takes what workers report from their rings, woken by the coordinator's doorbell through its eventfd."""

import os
from asyncio import AbstractEventLoop
from collections.abc import Callable
from contextlib import suppress

from sage_local.core.ids import WorkerId
from sage_local.runtime.coordinator.fleet import Fleet
from sage_local.runtime.protocol.messages import Event

PARKED_ON_EVENTFD = 2
TURN_MESSAGES = 256
"""Then the loop looks at its other descriptors, however much the workers have to say."""


class Reports:
    """``on_event`` gets every message in the order of its worker.

    Nothing is taken while ``may_take`` says no; then ``take`` goes on.
    """

    def __init__(
        self,
        loop: AbstractEventLoop,
        fleet: Fleet,
        *,
        on_event: Callable[[WorkerId, Event], None],
        may_take: Callable[[], bool],
    ) -> None:
        self._loop = loop
        self._fleet = fleet
        self._on_event = on_event
        self._may_take = may_take

    def start(self) -> None:
        """Listen, and take what has come before."""
        self._loop.add_reader(self._fleet.eventfd, self._rung)
        self.take()

    def stop(self) -> None:
        """Take nothing more."""
        self._loop.remove_reader(self._fleet.eventfd)

    def take(self) -> None:
        """Everything there is, then park the doorbell and look once more: what came in between rang nothing."""
        self._fleet.doorbell.disarm()
        self._fleet.flush_commands()
        taken = self._take_turn()
        self._fleet.doorbell.arm(PARKED_ON_EVENTFD)
        taken += self._take_turn()
        self._fleet.flush_commands()
        if taken:
            self._loop.call_soon(self.take)

    def take_last(self, worker: WorkerId) -> None:
        """What a worker that is gone had still said."""
        while (event := self._fleet.reports[worker].receive()) is not None:
            self._on_event(worker, event)

    def _take_turn(self) -> int:
        taken = 0
        for worker, receiver in self._fleet.reports.items():
            while taken < TURN_MESSAGES and self._may_take() and (event := receiver.receive()) is not None:
                self._on_event(worker, event)
                taken += 1
        return taken

    def _rung(self) -> None:
        # Another wake-up may have been read together with this one.
        with suppress(BlockingIOError):
            os.eventfd_read(self._fleet.eventfd)
        self.take()
