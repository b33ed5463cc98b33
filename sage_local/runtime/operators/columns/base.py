"""What all operators over columns share."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from sage_local.core.elements import Columns, Element, Rows
from sage_local.plan.operators import Operator as Spec
from sage_local.runtime.metrics.table import OperatorCounters
from sage_local.runtime.operators.protocol import TaskContext
from sage_local.runtime.protocol.blame import NO_RECORD, blame


class ColumnOperator:
    """Takes columns, keeps nothing. Subclasses say in ``batches`` what follows from one."""

    def __init__(self, spec: Spec, counters: OperatorCounters) -> None:
        self.name = spec.name
        self.place = counters.place
        self._counters = counters

    def open(self, context: TaskContext) -> None:
        """Nothing to open."""

    def process(self, rows: Rows) -> Iterable[Element]:
        """What follows from one batch."""
        batch = rows.values
        if not isinstance(rows, Columns):
            raise TypeError(f"operator {self.name!r} takes columns, found rows such as {rows.values[0]!r}")
        self._counters.took(len(batch))
        with self.blamed():
            results = self.batches(batch)
        return self.emitted(results)

    def batches(self, batch: Any) -> Iterable[Any]:
        """The batches that follow from ``batch``."""
        raise NotImplementedError(f"{type(self).__name__} overrides neither batches() nor process()")

    def emitted(self, results: Iterable[Any]) -> Iterator[Columns]:
        """``results`` that are not empty, counted."""
        for result in results:
            if len(result):
                self._counters.gave(len(result))
                yield Columns(result)

    @contextmanager
    def blamed(self) -> Iterator[None]:
        """Failures inside are this operator's."""
        try:
            yield
        except BaseException as error:
            blame(self.name, NO_RECORD, error)

    def end(self) -> Iterable[Element]:
        """Nothing is kept."""
        return ()

    def close(self) -> None:
        """Nothing to close."""
