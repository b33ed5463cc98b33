"""A latch between a test and its job: one side waits until the other has opened it."""

from time import monotonic, sleep

from sage_local.testing.scratch import ScratchFile

LOOK_S = 0.002
"""Between two looks of ``wait``: less than anybody notices, more than a look costs."""


class Latch:
    """Closed at first; opened once, in the test or in a function of the job, it is open in every process.

    In the script of a ``ScriptedSource`` it holds the source until it is open, so that a test need not guess how long
    something takes.
    """

    def __init__(self) -> None:
        self._file = ScratchFile()

    def open(self) -> None:
        """Let everybody pass. Opening an open latch does nothing."""
        self._file.append(b"o")

    @property
    def is_open(self) -> bool:
        """Whether somebody has opened it."""
        return self._file.size() > 0

    def wait(self, timeout_s: float = 30.0) -> None:
        """Block until it is open: for tests, not for functions of a job. Raises ``TimeoutError``."""
        deadline = monotonic() + timeout_s
        while not self.is_open:
            if monotonic() > deadline:
                raise TimeoutError(f"nobody opened the latch within {timeout_s} s")
            sleep(LOOK_S)
