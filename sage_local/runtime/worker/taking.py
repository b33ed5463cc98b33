"""A task's snapshot between the barrier and its file."""

from collections import deque
from collections.abc import Callable

from sage_local.runtime.checkpoint.fit import INPUT
from sage_local.runtime.checkpoint.operator_snapshot import OperatorSnapshot
from sage_local.runtime.checkpoint.state_file import StateFile
from sage_local.runtime.protocol.blame import NO_RECORD, blame
from sage_local.runtime.protocol.snapshots import FileRef, OperatorSummary
from sage_local.runtime.state.snapshot import Captured


class Taking:
    """What was taken at the barrier is in ``file``; what is captured follows while records flow on.

    ``earlier``: the files that this one builds on.
    """

    def __init__(self, path: str, checkpoint: int | None, earlier: tuple[FileRef, ...]) -> None:
        self.path = path
        self.checkpoint = checkpoint
        self.earlier = earlier
        self.file = StateFile()
        self._captures: deque[tuple[str, Captured]] = deque()
        self._sizes: dict[str, int] = {}
        self._states: dict[str, dict[str, int]] = {}

    @property
    def is_complete(self) -> bool:
        """Nothing is left to be captured."""
        return not self._captures

    def add(self, snapshot: OperatorSnapshot, capture: Captured | None = None) -> None:
        """One operator's; ``capture`` for what else it has."""
        if capture is not None:
            self._captures.append((snapshot.operator, capture))
        if snapshot.keyed or snapshot.unkeyed is not None or capture is not None:
            self.file.add(snapshot)
            size = sum(len(chunk) for _, chunk in snapshot.keyed) + len(snapshot.unkeyed or b"")
            self._sizes[snapshot.operator] = size
            self._states[snapshot.operator] = snapshot.states

    def advance(self, clock: Callable[[], int], until_ns: int) -> None:
        """Capture at least a piece, and go on until it is ``until_ns``. Raises ``OperatorFailed``."""
        while self._captures:
            operator, capture = self._captures[0]
            try:
                chunks = capture.advance()
            except Exception as error:
                # Whatever a user's __reduce__ raises: state that can not be pickled is an error of the program.
                blame(operator, NO_RECORD, error)
            if chunks is None:
                self._captures.popleft()
            for key_group, chunk in chunks or ():
                self.file.add_frame(operator, key_group, chunk)
                self._sizes[operator] += len(chunk)
            if clock() >= until_ns:
                return

    def close(self) -> None:
        """It comes to nothing."""
        for _, capture in self._captures:
            capture.close()

    def summaries(self) -> tuple[OperatorSummary, ...]:
        """What is in it, for people."""
        names = [name for name in self._sizes if not name.startswith(INPUT)]
        return tuple(OperatorSummary(name, self._states[name], self._sizes[name]) for name in names)
