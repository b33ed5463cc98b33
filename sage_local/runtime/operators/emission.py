"""What process functions yield, on its way into batches."""

from collections.abc import Iterator
from typing import Any

from sage_local.core.elements import Element, Rows, Side
from sage_local.functions.output_tag import OutputTag
from sage_local.runtime.metrics.table import OperatorCounters
from sage_local.runtime.state.apart import apart

LIMIT = 4096
"""Records of a batch, as of a flat_map's."""


class Emission:
    """Collects records for the main output and for side outputs until they are worth a batch.

    ``copies``: containers in records are copied, since they may be the very objects that the function keeps in its
    state and changes with the next record, while this batch is still on its way.
    """

    def __init__(self, counters: OperatorCounters, *, copies: bool) -> None:
        self._counters = counters
        self._copies = copies
        self._values: list[Any] = []
        self._stamps: list[int] = []
        self._sides: dict[str, Rows] = {}
        self._stamped = False

    def take(self, results: Iterator[Any], stamp: int | None) -> bool:
        """Take from ``results`` while there is room; whether they came to an end. If not: ``flush``, and call again.

        ``stamp`` is the timestamp of all of them. In one batch either all records have timestamps or none has.
        """
        if self._stamped is not (stamp is not None):
            if self._values or self._sides:
                return False
            self._stamped = stamp is not None
        values, is_complete, copies = self._values, True, self._copies
        for result in results:
            if type(result) is tuple and len(result) == 2 and type(result[0]) is OutputTag:
                self.divert(result[0].name, result[1], stamp)
                continue
            values.append(apart(result) if copies else result)
            if len(values) >= LIMIT:
                is_complete = False
                break
        if stamp is not None:
            self._stamps.extend([stamp] * (len(values) - len(self._stamps)))
        return is_complete

    def divert(self, tag: str, record: Any, stamp: int | None) -> None:
        """Take one record for the side output ``tag``."""
        rows = self._sides.get(tag)
        if rows is None:
            rows = self._sides[tag] = Rows([], None, None if stamp is None else [])
        rows.values.append(apart(record) if self._copies else record)
        if stamp is not None and rows.timestamps is not None:
            rows.timestamps.append(stamp)

    def flush(self) -> Iterator[Element]:
        """All that was taken."""
        values, stamps, sides = self._values, self._stamps, self._sides
        self._values, self._stamps, self._sides = [], [], {}
        if values:
            self._counters.gave(len(values))
            yield Rows(values, None, stamps if self._stamped else None)
        for tag, rows in sides.items():
            self._counters.gave(len(rows.values))
            yield Side(tag, rows)
