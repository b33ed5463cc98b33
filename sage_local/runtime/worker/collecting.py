"""The output of ``Collect`` in a worker: records go to the coordinator's ring, which hands them to the caller."""

from typing import Any

from sage_local.core.elements import Barrier, Columns, Element, Rows
from sage_local.runtime.codec.rows import encode
from sage_local.runtime.control.endpoint import ControlSender
from sage_local.runtime.protocol.messages import Collected, CollectedUpTo
from sage_local.runtime.protocol.pacing import FRAMES_PER_TIMEOUT


class CollectOutput:
    """An ``Output`` over the worker's control sender: a slow caller holds the task back as a slow receiver would.

    Each report wakes the coordinator and the caller, which have no cores of their own. So records that come soon after
    a report wait for company: ``buffer.timeout`` while the task has more to do, as long as a frame may take where it
    has not. Those of a stream that is sparse leave at once.
    """

    consumed_per_ns = None

    def __init__(self, operator: str, reports: ControlSender, *, timeout_ms: int, max_rows: int) -> None:
        self._operator = operator
        self._reports = reports
        self._timeout_ns = timeout_ms * 1_000_000
        self._max_rows = max_rows
        self._values: list[Any] = []
        self._left_ns: int | None = None  # when records last left for having waited
        self._due_ns = 0

    @property
    def is_ready(self) -> bool:
        """See ``Output``."""
        return self._reports.idle

    @property
    def is_sent(self) -> bool:
        """See ``Output``."""
        return not self._values and self._reports.idle

    def put(self, rows: Rows) -> None:
        """Report columns and what is worth a report; keep other values for the next ``flush``."""
        if isinstance(rows, Columns):
            from sage_local.runtime.codec.columns import encode_stream

            self._leave()
            self._reports.send(Collected(self._operator, encode_stream(rows.values).to_pybytes()))
            return
        self._values += rows.values
        if len(self._values) >= self._max_rows:
            self._leave()

    def pass_on(self, element: Element) -> None:
        """A barrier parts what a checkpoint makes final from what it does not."""
        if isinstance(element, Barrier):
            self._leave()
            self._reports.send(CollectedUpTo(self._operator, element.checkpoint))

    def end_turn(self) -> None:
        """Of no interest to the caller."""

    def end(self) -> None:
        """Nothing is worth waiting for."""
        self._leave()

    def flush(self, now_ns: int, *, starved: bool) -> bool:
        """Go on with what found no room; let go of what has waited long enough."""
        if not self._reports.idle:
            return self._reports.flush()
        if not self._values:
            return False
        if self._left_ns is not None:
            self._due_ns = self._left_ns + (self._timeout_ns // FRAMES_PER_TIMEOUT if starved else self._timeout_ns)
            if now_ns < self._due_ns:
                return False
        self._left_ns = now_ns
        self._leave()
        return True

    def next_flush_ns(self) -> int | None:
        """When what waits for company leaves without; of room the coordinator tells us by ringing."""
        return self._due_ns if self._values and self._reports.idle else None

    def _leave(self) -> None:
        if self._values:
            values, self._values = self._values, []
            self._reports.send(Collected(self._operator, encode(Rows(values))))
