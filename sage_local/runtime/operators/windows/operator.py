"""What all window operators share: keys, times, late records, functions and their failures."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

from sage_local.core.clock import Clock
from sage_local.core.elements import MAX_TIMESTAMP, MIN_TIMESTAMP, Element, Rows, Side, Watermark
from sage_local.functions import Role
from sage_local.plan import operators as specs
from sage_local.runtime.channels.keying import Keying
from sage_local.runtime.codec.keys import check_key
from sage_local.runtime.metrics.table import OperatorCounters
from sage_local.runtime.operators.keyed import PLAIN_KEYS
from sage_local.runtime.operators.protocol import TaskContext
from sage_local.runtime.operators.user_function import UserFunction, close_all
from sage_local.runtime.operators.windows.fold import Fold
from sage_local.runtime.operators.windows.output import Output
from sage_local.runtime.protocol.blame import NO_RECORD, OperatorFailed, blame, record_at
from sage_local.runtime.state.backend import KeyedBackend
from sage_local.windowing.assigners import TimeDomain


class WindowOperator:
    """Base of the window operators. Subclasses fill windows in ``_add`` and empty them in ``_advance``."""

    def __init__(
        self,
        spec: specs.Windowed,
        domain: TimeDomain,
        counters: OperatorCounters,
        backend: KeyedBackend,
        clock: Clock,
    ) -> None:
        self.name = spec.name
        self.place = counters.place
        self.late_dropped = 0
        """Records that came too late and that no side output takes."""
        self._spec = spec
        self._domain = domain
        self._counters = counters
        self._backend = backend
        self._clock = clock
        self._now = MIN_TIMESTAMP
        """How far the clock was when last looked at."""
        self._watermark = MIN_TIMESTAMP
        self._functions = [
            UserFunction(spec.name, each) for each in (spec.reduce, spec.aggregate, spec.function) if each
        ]
        self._selector = None if spec.key_selector is None else UserFunction(spec.name, spec.key_selector, Role.KEY)
        self._output = Output(spec, self._fold(), backend, clock, lambda: self._watermark)

    def _fold(self) -> Fold:
        """How records are folded."""
        return Fold(self._spec.reduce, self._spec.aggregate, self._key_function())

    def _key_function(self) -> Callable[[Any], Any] | None:
        if not self._spec.is_keyed:
            return _no_key
        return None if self._selector is None else self._selector.call

    def open(self, context: TaskContext) -> None:
        """Open the functions."""
        for function in self._all_functions():
            function.open(context)

    def close(self) -> None:
        """Close the functions."""
        close_all(self._all_functions())

    def _all_functions(self) -> list[UserFunction]:
        return self._functions if self._selector is None else [self._selector, *self._functions]

    def process(self, rows: Rows) -> Iterable[Element]:
        """Put the batch into its windows."""
        if not rows.values:
            return
        self._counters.took(len(rows.values))
        for element in self._add(rows):
            if isinstance(element, Rows):
                self._counters.gave(len(element.values))
            yield element

    def watermark(self, watermark: Watermark) -> Iterable[Element]:
        """Fire what is due. At the end of time, windows of processing time too: nothing in flight is dropped."""
        self._watermark = watermark.timestamp
        if self._domain is TimeDomain.EVENT or watermark.timestamp == MAX_TIMESTAMP:
            yield from self._fire_up_to(watermark.timestamp)
        yield watermark

    def next_deadline(self) -> int | None:
        """When the first window of processing time is due."""
        return None

    def tick(self) -> Iterable[Element]:
        """Fire what is due by the clock."""
        if self._domain is TimeDomain.PROCESSING:
            # A window whose last millisecond is the present one may still get records.
            yield from self._fire_up_to(self._processing_time() - 1)

    def _processing_time(self) -> int:
        """The clock; as windows do not open again, it stands still here while it is behind itself."""
        self._now = max(self._now, self._clock.now_ms())
        return self._now

    def end(self) -> Iterable[Element]:
        """The last watermark has fired what there was."""
        return ()

    def _fire_up_to(self, time: int) -> Iterable[Element]:
        for element in self._advance(time):
            if isinstance(element, Rows):
                self._counters.gave(len(element.values))
            yield element

    def _add(self, rows: Rows) -> Iterable[Element]:
        raise NotImplementedError

    def _advance(self, time: int) -> Iterable[Element]:
        raise NotImplementedError

    def _times(self, rows: Rows) -> Sequence[int]:
        """The time of each record in the windows' domain."""
        if self._domain is TimeDomain.PROCESSING:
            return [self._processing_time()] * len(rows.values)
        if rows.timestamps is None:
            error = ValueError(
                "event-time windows need records with timestamps, found records without: call"
                " assign_timestamps_and_watermarks() before key_by()"
            )
            raise OperatorFailed(self.name, rows.values[0], error)
        return rows.timestamps

    def _keys(self, rows: Rows) -> list[Any]:
        if not self._spec.is_keyed:
            return [None] * len(rows.values)
        if rows.keys is not None:
            return rows.keys
        if self._selector is None:
            raise OperatorFailed(self.name, NO_RECORD, ValueError("records carry no keys and there is no key selector"))
        return Keying(self.name, self._selector.call).keys(rows)

    def _late(self, rows: Rows) -> Iterable[Element]:
        """What becomes of records that came too late."""
        tag = getattr(self._spec, "late_tag", None)
        if tag is None:
            self.late_dropped += len(rows.values)
        else:
            yield Side(tag, Rows(rows.values, None, rows.timestamps))

    def _blame(self, rows: Rows, records: Iterator[Any], error: BaseException) -> None:
        """Raise ``error`` as caused by the record last taken from ``records``; a key that is none is said to be that."""
        record = record_at(rows.values, records)
        if isinstance(error, TypeError) and self._spec.is_keyed and record is not NO_RECORD:
            key = rows.keys[rows.values.index(record)] if rows.keys is not None else self._selector.call(record)  # type: ignore[union-attr]
            self._check_keys([key], record)
        blame(self.name, record, error)

    def _check_new_keys(self, known: int, space: Any, values: list[Any]) -> None:
        """Refuse keys without a canonical form among those new in ``space``, which had ``known`` before."""
        if len(space) == known:
            return
        new = list(islice(space, known, None))
        if not PLAIN_KEYS.issuperset(map(type, new)):
            self._check_keys(new, NO_RECORD)

    def _check_keys(self, keys: list[Any], record: Any) -> None:
        for key in keys:
            try:
                check_key(key)
            except (TypeError, ValueError) as error:
                raise OperatorFailed(self.name, record, error) from error


def _no_key(record: Any) -> None:
    """The key of every record of ``window_all``."""
