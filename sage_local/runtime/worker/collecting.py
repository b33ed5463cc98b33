"""The output of ``Collect`` in a worker: records go to the coordinator's ring, which hands them to the caller."""

from sage_local.core.elements import Barrier, Columns, Element, Rows
from sage_local.runtime.codec.rows import encode
from sage_local.runtime.control.endpoint import ControlSender
from sage_local.runtime.protocol.messages import Collected, CollectedUpTo


class CollectOutput:
    """An ``Output`` over the worker's control sender: a slow caller holds the task back as a slow receiver would."""

    consumed_per_ns = None

    def __init__(self, operator: str, reports: ControlSender) -> None:
        self._operator = operator
        self._reports = reports

    @property
    def is_ready(self) -> bool:
        """See ``Output``."""
        return self._reports.idle

    @property
    def is_sent(self) -> bool:
        """See ``Output``."""
        return self._reports.idle

    def put(self, rows: Rows) -> None:
        """Report the values."""
        if isinstance(rows, Columns):
            from sage_local.runtime.codec.columns import encode_stream

            self._reports.send(Collected(self._operator, encode_stream(rows.values).to_pybytes()))
        elif rows.values:
            self._reports.send(Collected(self._operator, encode(Rows(rows.values))))

    def pass_on(self, element: Element) -> None:
        """A barrier parts what a checkpoint makes final from what it does not."""
        if isinstance(element, Barrier):
            self._reports.send(CollectedUpTo(self._operator, element.checkpoint))

    def end_turn(self) -> None:
        """Of no interest to the caller."""

    def end(self) -> None:
        """Of no interest to the caller."""

    def flush(self, now_ns: int, *, starved: bool) -> bool:
        """Go on with what found no room."""
        if self._reports.idle:
            return False
        return self._reports.flush()

    def next_flush_ns(self) -> int | None:
        """The coordinator rings when it has made room."""
        return None
