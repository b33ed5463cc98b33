"""Sources: the push form (``run``) and the split form (``splits`` and ``open_split``)."""

from collections.abc import Sequence
from typing import Any, Generic, Protocol, TypeVar

T = TypeVar("T")
T_contra = TypeVar("T_contra", contravariant=True)


class SourceContext(Protocol[T_contra]):
    """What a push source emits through. Usable from the thread that called ``run``."""

    def collect(self, value: T_contra, /) -> None:
        """Emit one record. Blocks while downstream has no room; raises ``SourceStopped`` once the job is stopping."""

    @property
    def is_running(self) -> bool:
        """False once the job is stopping: ``run`` should return soon."""


class SplitReader(Protocol[T]):
    """Reads one split, in order. All calls come from one thread."""

    def poll(self, max_records: int, /) -> list[T] | None:
        """Up to ``max_records`` next records; an empty list when there is nothing right now; ``None`` at the end.

        Must not block: a source that has to wait is a push source.
        """

    def snapshot(self) -> Any:
        """The position after the last polled record: a picklable value that ``open_split`` continues from."""

    def close(self) -> None:
        """Release what the reader holds. Called once, also after an error."""


class SourceFunction(Generic[T]):
    """Base of all sources: override either ``run`` (push) or ``splits`` and ``open_split`` (split).

    A push source runs in a thread of its own at parallelism 1 and ends when ``run`` returns. A split source is read in
    parallel: each subtask reads its share of the splits, one after another; one that has nothing right now lets the
    next have its turn. ``bounded`` is false for a source that has no end of its own: its splits are all open and have
    their turns batch by batch; ``execution.runtime-mode=batch`` refuses it.
    """

    bounded: bool = True
    replayable: bool = False
    """Push form: whether ``run`` after ``seek`` emits again what it emitted before. Split readers always can."""

    def open(self, context: Any) -> None:
        """Called once per subtask in its worker, before the first record."""

    def close(self) -> None:
        """Called once per subtask, after the last record, an error or a cancel."""

    def run(self, ctx: SourceContext[T]) -> None:
        """Push form: emit every record through ``ctx.collect`` and return at the end."""
        raise NotImplementedError(f"{type(self).__name__} overrides neither run() nor splits() and open_split()")

    def seek(self, position: int, /) -> None:
        """Push form of a replayable source: called before ``run``, which leaves out the first ``position`` records."""
        raise NotImplementedError(f"{type(self).__name__} does not override seek()")

    def splits(self) -> Sequence[Any] | None:
        """Split form: what can be read independently; called at submit in the caller's process. ``None``: push form.

        A split is any picklable value; a ``size`` attribute (bytes or records) balances the shares of the subtasks.
        """
        return None

    def open_split(self, split: Any, position: Any = None) -> SplitReader[T]:
        """Split form: a reader of ``split`` from ``position`` (of an earlier ``snapshot``), or from its start."""
        raise NotImplementedError(f"{type(self).__name__} names splits but does not override open_split()")
