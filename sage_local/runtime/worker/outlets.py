"""Where what comes out of a task goes: its outgoing edges as one."""

from collections.abc import Callable, Sequence

from sage_local.core.elements import Element, Rows, Split
from sage_local.plan.physical import SideTag
from sage_local.runtime.channels.outbox import Output
from sage_local.runtime.protocol.blame import NO_RECORD, blame
from sage_local.runtime.worker.flow import SideOf

Copy = Callable[[Rows], Rows]
Warn = Callable[[str], object]
"""Tells the user, once a job for each text, whichever subtasks say it."""


class Outlets:
    """The outputs of one task.

    ``tags`` tell the side output that each carries, ``None`` for the main one; of side outputs in ``unread`` it is
    known already that nobody reads them, of others ``warn`` tells the user. ``copy`` makes the rows of further
    branches; ``name`` is that of the operator the main output is of.
    """

    def __init__(
        self,
        name: str,
        outputs: Sequence[Output],
        tags: Sequence[SideTag | None],
        *,
        unread: set[SideTag],
        warn: Warn,
        copy: Copy,
    ) -> None:
        self._name = name
        self._outputs = outputs
        self._main = [output for output, tag in zip(outputs, tags, strict=True) if tag is None]
        self._sides: dict[SideTag, list[Output]] = {}
        for output, tag in zip(outputs, tags, strict=True):
            if tag is not None:
                self._sides.setdefault(tag, []).append(output)
        self._unread = unread
        self._warn = warn
        self._copy = copy
        self.rows = 0
        """Put into the main output so far."""

    @property
    def is_ready(self) -> bool:
        """Whether none of them waits for room."""
        for output in self._outputs:  # noqa: SIM110  # a generator costs more than what it asks, several times a frame
            if not output.is_ready:
                return False
        return True

    @property
    def is_sent(self) -> bool:
        """Whether all that was put is on its way."""
        return all(output.is_sent for output in self._outputs)

    def slowest_per_ns(self) -> float | None:
        """Rows per nanosecond that the slowest receiver consumes; 0 while that is unknown, ``None``: nothing limits."""
        rates = [rate for output in self._outputs if (rate := output.consumed_per_ns) is not None]
        return min(rates, default=None)

    def next_flush_ns(self) -> int | None:
        """See ``Output``."""
        times = [time for output in self._outputs if (time := output.next_flush_ns()) is not None]
        return min(times, default=None)

    def emit(self, element: Element) -> None:
        """To whom it is for. A failure is blamed on the operator it came from."""
        if isinstance(element, Rows):
            self.rows += len(element.values)
            self._put(element, self._main)
        elif isinstance(element, SideOf):
            self._put(element.rows, self._readers(SideTag(element.operator, element.tag)))
        elif not isinstance(element, Split):
            for output in self._outputs:
                output.pass_on(element)

    def flush(self, now_ns: int, *, starved: bool) -> bool:
        """See ``Output``."""
        moved = False
        for output in self._outputs:
            moved = output.flush(now_ns, starved=starved) or moved
        return moved

    def end_turn(self) -> None:
        """See ``Output``."""
        for output in self._outputs:
            output.end_turn()

    def end(self) -> None:
        """See ``Output``."""
        for output in self._outputs:
            output.end_turn()
            output.end()

    def _readers(self, tag: SideTag) -> list[Output]:
        readers = self._sides.get(tag, [])
        if not readers and tag not in self._unread:
            self._unread.add(tag)
            self._warn(
                f"operator {tag.operator!r} writes to the side output {tag.tag!r}, which nobody reads: its records are"
                " dropped; read it with side_output(), or do not write it"
            )
        return readers

    def _put(self, rows: Rows, outputs: Sequence[Output]) -> None:
        try:
            for output in outputs[1:]:
                output.put(self._copy(rows))
            for output in outputs[:1]:
                output.put(rows)
        except BaseException as error:
            # A record that can not be pickled, most likely: it came from the last operator.
            blame(self._name, NO_RECORD, error)
