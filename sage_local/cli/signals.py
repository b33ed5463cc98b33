"""Which signals came while a program ran, whatever its own handlers made of them."""

import signal
import socket
from types import TracebackType

_READ_BYTES = 4096


class SignalWatch:
    """Use as a context manager around the program; only in the main thread.

    A job that Ctrl-C stopped has finished in order, and its ``submit`` returns like any other; the shell still has to
    be told why. Python writes the number of each signal that it handles to the wake-up descriptor.
    """

    def __init__(self) -> None:
        self._ours, theirs = socket.socketpair()
        self._ours.setblocking(False)
        theirs.setblocking(False)
        self._theirs = theirs

    def __enter__(self) -> "SignalWatch":
        self._before = signal.set_wakeup_fd(self._theirs.fileno(), warn_on_full_buffer=False)
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _traceback: TracebackType | None
    ) -> None:
        signal.set_wakeup_fd(self._before)
        self._ours.close()
        self._theirs.close()

    def first(self) -> int | None:
        """The first SIGINT or SIGTERM since the start; asked once."""
        try:
            numbers = self._ours.recv(_READ_BYTES)
        except BlockingIOError:
            return None
        return next((number for number in numbers if number in (signal.SIGINT, signal.SIGTERM)), None)
